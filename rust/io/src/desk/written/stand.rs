//! What tests of a stream begin with: one that is written, and what is told of it.

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex};

use super::{Format, Options, WrittenSource, WrittenStream};
use crate::desk::{Errands, Listener};

/// Runs errands here and now.
pub(crate) struct Here;

impl Errands for Here {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

pub(crate) fn options(rate: u32, channels: u16, format: Format) -> Options {
    Options { rate, channels, format, prebuffer: 0.0, capacity: 2.0, hold: false }
}

pub(crate) fn stream(options: &Options) -> (WrittenStream, WrittenSource) {
    WrittenStream::new(options, Arc::new(Here)).expect("options in their range")
}

/// Speech's loudest pitch, as written: so many samples of it at this rate, from sample `first` on.
pub(crate) fn tone(rate: u32, first: usize, samples: usize) -> Vec<f64> {
    let turn = TAU * 440.0 / f64::from(rate);
    (first..first + samples).map(|sample| (sample as f64 * turn).sin() * 0.5).collect()
}

pub(crate) fn s16(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes()).collect()
}

/// What is told, and how often.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Option<String>>>>);

impl Told {
    pub(crate) fn listener(&self) -> Listener {
        let told = self.clone();
        Box::new(move |why| told.0.lock().expect("a lock").push(why.map(str::to_owned)))
    }

    pub(crate) fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.0.lock().expect("a lock"))
    }
}
