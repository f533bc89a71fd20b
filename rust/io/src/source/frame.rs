//! One frame of 20 ms on its way from a source to an encoder or a ring.

pub use isocord_proto::frame::{FRAME_BYTES, FRAME_SAMPLES, MAX_OPUS_LEN as MAX_OPUS_FRAME, SAMPLE_RATE};

use std::sync::Arc;

use super::error::{SeekError, SourceError};
use super::packet::Packet;

/// What [`FrameSource::next`] has put into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFrame {
    /// 960 sample pairs in [`FrameBuf::pcm`].
    Pcm,
    /// An Opus packet of 20 ms in [`FrameBuf::opus`].
    Opus,
    /// Nothing yet: others have to bring more first, who then wake the [`Downstream`].
    Starved,
    /// The source is over; the buffer holds nothing.
    End,
}

/// What the next frame is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// To be sent as it is, if it can be: an Opus packet where the source has one, else PCM. If not, PCM to work on.
    pub packets: bool,
    /// It is about to leave: a source of many parts goes on without those that have nothing yet.
    pub now: bool,
}

impl Want {
    /// A packet, if there is one.
    pub const PACKETS: Self = Self { packets: true, now: false };
    /// PCM.
    pub const PCM: Self = Self { packets: false, now: false };
}

/// Who takes a source's frames, ahead of the time at which they are heard.
pub trait Downstream: Send + Sync {
    /// Has it look at the source soon: there is more after [`SourceFrame::Starved`], or [`FrameSource::is_changed`].
    /// Never blocks.
    fn wake(&self);

    /// How many of the frames that it was given are still to be heard.
    fn ahead(&self) -> u64;

    /// Whether that can be relied on: false while it is not known yet if what the source took back is heard all the
    /// same. It is looked at ([`FrameSource::is_changed`]) as soon as that is known.
    fn is_settled(&self) -> bool {
        true
    }
}

/// Where sound comes from: frames of 20 ms, one after the other. The player encodes what is PCM.
///
/// Frames are made long before they are heard. What is asked of a source meanwhile is to be heard at once, so a source
/// that can be changed while it plays is told to go back to what is just about to be heard, and gives what follows
/// anew.
pub trait FrameSource: Send {
    /// Produces the next frame, or none where it takes longer to find than others should wait: the next call looks on.
    /// After [`SourceFrame::End`] or an error every call gives [`SourceFrame::End`], until a seek or a change.
    ///
    /// # Errors
    /// Reading failed, or nothing more can be decoded.
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError>;

    /// Goes to a place, in seconds; beyond the end the next frame is [`SourceFrame::End`]. A long way is gone by
    /// [`Self::next`].
    ///
    /// # Errors
    /// `seconds` is negative or not a number, the source cannot go anywhere, or reading failed.
    fn seek(&mut self, seconds: f64) -> Result<(), SeekError>;

    /// Where the next frame begins, in samples of 48 kHz.
    fn position(&self) -> u64;

    /// Whether its frames may be Opus packets. Sound that is encoded in their place then has to be heard when they
    /// would have been, and not later by the delay of the encoder.
    fn has_packets(&self) -> bool;

    /// Whether the next frame would be a packet, if one were wanted.
    fn passes(&self) -> bool {
        false
    }

    /// Whether it is heard once and never again: a seek always fails, and nothing is left of it when it has played.
    fn is_once(&self) -> bool {
        false
    }

    /// Asked when it has starved: whether nothing is due, so that nobody is late.
    fn rests(&self) -> bool {
        false
    }

    /// Says who takes its frames, before the first is taken; and that [`Self::revise`] may go back by `depth` frames.
    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        let _ = (downstream, depth);
    }

    /// Nobody takes its frames any more, until it is attached anew.
    fn detach(&mut self) {}

    /// Whether [`Self::revise`] goes back. Others are read on and on, and who needs to go back keeps their frames.
    fn goes_back(&self) -> bool {
        false
    }

    /// Whether something was asked of it that [`Self::revise`] has not granted. Asked now and then, also while nothing
    /// has changed: a chance to see what has been heard meanwhile.
    fn is_changed(&mut self) -> bool {
        false
    }

    /// Goes back by so many frames, none or more, and grants what was asked for: the next frame comes again, as things
    /// are now. Only for those of which [`Self::is_changed`] has ever been true. The sound may jump here: who called it
    /// lets the old sound go over into the new.
    fn revise(&mut self, frames: u64) {
        let _ = frames;
    }

    /// The last [`Self::revise`] came too late, and what it took back is heard all the same: all is as it was before
    /// it, and what was asked for is to be granted. False if that cannot be: then it stays granted.
    fn unrevise(&mut self) -> bool {
        false
    }

    /// The last [`Self::revise`] came too late and stays granted: nobody has heard what came since, so that what began
    /// there is to begin with the next one. That is a change.
    fn in_vain(&mut self) {}
}

impl<S: FrameSource + ?Sized> FrameSource for Box<S> {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        (**self).next(frame, want)
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        (**self).seek(seconds)
    }

    fn position(&self) -> u64 {
        (**self).position()
    }

    fn has_packets(&self) -> bool {
        (**self).has_packets()
    }

    fn passes(&self) -> bool {
        (**self).passes()
    }

    fn is_once(&self) -> bool {
        (**self).is_once()
    }

    fn rests(&self) -> bool {
        (**self).rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        (**self).attach(downstream, depth);
    }

    fn detach(&mut self) {
        (**self).detach();
    }

    fn goes_back(&self) -> bool {
        (**self).goes_back()
    }

    fn is_changed(&mut self) -> bool {
        (**self).is_changed()
    }

    fn revise(&mut self, frames: u64) {
        (**self).revise(frames);
    }

    fn unrevise(&mut self) -> bool {
        (**self).unrevise()
    }

    fn in_vain(&mut self) {
        (**self).in_vain();
    }
}

/// Room for one frame. One per feeding thread is enough: nothing is kept in it between frames.
///
/// PCM is f32 in -1.0 to 1.0: decoders, resampler and volume compute in it and libopus takes it as it is, so that
/// the only rounding is the encoder's own.
pub struct FrameBuf {
    /// Interleaved stereo, 960 pairs.
    pub pcm: [f32; FRAME_SAMPLES * 2],
    /// An Opus packet, of [`MAX_OPUS_FRAME`] bytes at the most.
    pub opus: Packet,
    /// Source time of the frame's first sample, in samples of 48 kHz.
    pub position: u64,
    /// How many of the 960 sample pairs come from the file; less than 960 only at its end. The rest is zero.
    pub samples: u16,
    /// How many of them, at its beginning, are not to be heard: the pre-skip of Opus, on which a decoder converges. Only
    /// told at the beginning of a source, and left as it is by those that have none.
    pub lead: u16,
}

impl Default for FrameBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuf {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self { pcm: [0.0; FRAME_SAMPLES * 2], opus: Packet::default(), position: 0, samples: 0, lead: 0 }
    }

    /// Write [`FrameBuf::pcm`] as s16le, rounded to nearest.
    pub fn write_s16le(&self, out: &mut [u8; FRAME_BYTES]) {
        for (bytes, sample) in out.chunks_exact_mut(2).zip(&self.pcm) {
            let value = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
            bytes.copy_from_slice(&value.to_le_bytes());
        }
    }
}
