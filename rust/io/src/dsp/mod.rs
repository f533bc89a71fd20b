//! What is done to samples, whoever does it: volume, channels, rates, sums.

mod coarse;
pub mod decimate;
pub(crate) mod denoise;
pub(crate) mod downmix;
pub(crate) mod echo;
pub mod filters;
pub(crate) mod limiter;
pub mod meter;
pub(crate) mod mixdown;
mod ramp;
pub(crate) mod resample;
mod samples;
pub(crate) mod sinc;
pub mod speech;
mod splice;
mod volume;

pub(crate) use downmix::StereoMatrix;
pub(crate) use ramp::Ramp;
pub(crate) use samples::Samples;
pub(crate) use splice::splice;
pub(crate) use volume::bend;
pub use volume::{MAX_VOLUME, Volume, VolumeError, apply_gain};
