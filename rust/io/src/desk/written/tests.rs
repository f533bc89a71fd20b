//! A stream as its writer knows it.

mod written;

use std::sync::Arc;

use super::stand::{Here, Told, options, s16, stream, tone};
use super::*;

fn f32s(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|sample| (*sample as f32).to_le_bytes()).collect()
}
