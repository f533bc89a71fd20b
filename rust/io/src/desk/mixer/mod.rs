//! Any number of sources as one: layers that come and go, each with its volume, and all with one encoder.
//!
//! [`Mixer`] and [`Layer`] are handles for any thread, which wait for nobody; [`MixSource`] is the source that plays.
//! What is asked of them is granted when who plays goes back to what is just about to be heard
//! ([`FrameSource::revise`]): so all state of a frame is kept by its number ([`Past`](super::past::Past)), fades and
//! ducking are functions of the number of the sample, and layers are sources that go back.

mod layer;
mod mix;
mod port;
mod runs;
mod sounding;
mod stand;
mod sum;

use std::sync::Arc;

pub use self::layer::{LONGEST_FADE, Layer, LayerError};
use self::layer::{Shared, checked_volume, samples};
pub use self::mix::MixSource;
use self::port::Port;
use self::sounding::Sounding;
use self::stand::Stand;
use super::looped::Looped;
use super::outcome::Errands;
use super::taped::taped;
use crate::dsp::Volume;
use crate::source::FrameSource;

/// How a layer is played.
#[derive(Clone, Debug)]
pub struct LayerOptions {
    /// 0.0 to 16.0; 1.0 leaves the sound as it is.
    pub volume: f32,
    /// Seconds in which it comes up.
    pub fade_in: f64,
    /// While it sounds, the others are turned down to this: 0.0 to 1.0. Those that duck others are not ducked.
    pub duck: Option<f32>,
    /// It begins again when it ends.
    pub looped: bool,
    /// The volume that the source has of its own.
    pub own: Volume,
    /// Length in samples of 48 kHz, if it is known.
    pub duration: Option<u64>,
}

impl LayerOptions {
    /// A layer as it is.
    #[must_use]
    pub fn new(own: Volume, duration: Option<u64>) -> Self {
        Self { volume: 1.0, fade_in: 0.0, duck: None, looped: false, own, duration }
    }

    /// Whether all is in its range.
    ///
    /// # Errors
    /// [`LayerError`] for what is not.
    pub fn check(&self) -> Result<(), LayerError> {
        checked_volume(self.volume)?;
        samples(self.fade_in)?;
        match self.duck.filter(|duck| !(0.0..=1.0).contains(duck)) {
            Some(duck) => Err(LayerError::Duck(duck)),
            None => Ok(()),
        }
    }
}

/// A mixer. Cheap to clone.
#[derive(Clone)]
pub struct Mixer {
    stand: Arc<Stand>,
    port: Arc<Port>,
}

impl Mixer {
    /// A mixer without layers. One that is endless goes on in silence when it has none; others end with their last
    /// one. `errands` tell those who wait for an end, and let go of what is over.
    #[must_use]
    pub fn new(endless: bool, errands: Arc<dyn Errands>) -> Self {
        let stand = Arc::new(Stand::default());
        stand.set_endless(endless);
        Self { stand, port: Arc::new(Port::new(errands)) }
    }

    /// Has a source heard with the others, as soon as it can be; one that waits to be played waits with the mixer.
    ///
    /// # Errors
    /// An option is out of its range.
    pub fn play(&self, source: Box<dyn FrameSource>, options: LayerOptions) -> Result<Layer, LayerError> {
        options.check()?;
        let LayerOptions { volume, fade_in, duck, looped, own, duration } = options;
        let source = if looped { Box::new(Looped::new(source)) } else { source };
        let source = taped(source);
        let shared = Arc::new(Shared::new(Arc::clone(&self.port), volume, source.position(), duration));
        let layer = Sounding::new(Arc::clone(&shared), source, own, duck, samples(fade_in)?);
        self.stand.add(layer, Arc::downgrade(&shared));
        self.port.change();
        Ok(Layer(shared))
    }

    /// Ends all layers, at once or after a fade of so many seconds. Unless it is endless, it ends with them.
    ///
    /// # Errors
    /// The time is out of its range.
    pub fn stop(&self, seconds: f64) -> Result<(), LayerError> {
        samples(seconds)?;
        for layer in self.stand.stop().iter().filter_map(std::sync::Weak::upgrade) {
            Layer(layer).stop(seconds)?;
        }
        self.port.change();
        Ok(())
    }

    /// Whether it goes on without layers.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        self.stand.is_endless()
    }

    /// See [`Self::new`].
    pub fn set_endless(&self, endless: bool) {
        self.stand.set_endless(endless);
        self.port.change();
    }

    /// Has who plays it look at it soon: at its volume, say, which is theirs to apply.
    pub fn look(&self) {
        self.port.change();
    }

    /// How many layers it has whose end has not been heard.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.stand.count()
    }

    /// Whether it plays somewhere.
    #[must_use]
    pub fn plays(&self) -> bool {
        self.stand.plays()
    }

    /// It as a source, for who plays it; none while another does.
    #[must_use]
    pub fn source(&self) -> Option<MixSource> {
        self.stand.enter().then(|| MixSource::new(Arc::clone(&self.stand), Arc::clone(&self.port)))
    }
}

#[cfg(test)]
mod tests;
