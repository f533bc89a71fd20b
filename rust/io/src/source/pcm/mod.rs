//! Files that are decoded: demux, decode, downmix, resample.

mod clock;
mod decoder;
mod demux;
mod stream;

pub(crate) use clock::Trim;
pub(crate) use demux::{DemuxStep, Demuxer};
pub(crate) use stream::PcmStream;
