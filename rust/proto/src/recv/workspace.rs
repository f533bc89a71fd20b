//! What every packet needs for a moment.

use crate::opus::MAX_DECODED_LEN;

/// The longest payload that is taken; no datagram of Discord's is longer.
const MAX_MEDIA: usize = 2_048;

/// Room for one packet, opened, and for its sound: 25 KB, of which nothing is kept from call to call. So one does for all
/// connections of a thread, and those to which nobody listens need none.
pub struct Workspace {
    pub(super) media: [u8; MAX_MEDIA],
    pub(super) pcm: [i16; MAX_DECODED_LEN],
}

impl Workspace {
    /// An empty one, on the heap.
    #[must_use]
    pub fn new() -> Box<Self> {
        Box::new(Self { media: [0; MAX_MEDIA], pcm: [0; MAX_DECODED_LEN] })
    }
}
