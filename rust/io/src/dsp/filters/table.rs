//! All filters, one in each line.

use super::kind::Kind;
use super::{
    channel_mix, compressor, distortion, echo, equalizer, high_pass, karaoke, low_pass, normalize, reverb,
    rotation, timescale, tremolo, vibrato, volume,
};

/// Every kind of filter.
pub static KINDS: &[Kind] = &[
    equalizer::KIND,
    karaoke::KIND,
    timescale::KIND,
    tremolo::KIND,
    vibrato::KIND,
    rotation::KIND,
    distortion::KIND,
    channel_mix::KIND,
    low_pass::KIND,
    high_pass::KIND,
    compressor::KIND,
    reverb::KIND,
    echo::KIND,
    normalize::KIND,
    volume::KIND,
];
