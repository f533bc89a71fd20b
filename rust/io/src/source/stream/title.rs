//! What a stream says that it plays.

use std::sync::Arc;

use super::window::Window;

/// What a stream says that it plays; to be asked from any thread, and when it has played, too.
#[derive(Clone)]
pub struct StreamTitle(Option<Arc<Window>>);

impl StreamTitle {
    pub(crate) fn new(window: Option<Arc<Window>>) -> Self {
        Self(window)
    }

    /// As of what was read last; None where nothing is told.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.0.as_ref()?.title()
    }
}
