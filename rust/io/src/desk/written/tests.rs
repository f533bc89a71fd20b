//! A stream as its writer knows it.

mod written;

use std::f64::consts::TAU;
use std::sync::{Arc, Mutex};

use super::*;
use crate::desk::{Errands, Listener};

/// Runs errands here and now.
struct Here;

impl Errands for Here {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

fn options(rate: u32, channels: u16, format: Format) -> Options {
    Options { rate, channels, format, prebuffer: 0.0, capacity: 2.0, hold: false }
}

fn stream(options: &Options) -> (WrittenStream, WrittenSource) {
    WrittenStream::new(options, Arc::new(Here)).expect("options in their range")
}

/// Speech's loudest pitch, as written: so many samples of it at this rate, from sample `first` on.
fn tone(rate: u32, first: usize, samples: usize) -> Vec<f64> {
    let turn = TAU * 440.0 / f64::from(rate);
    (first..first + samples).map(|sample| (sample as f64 * turn).sin() * 0.5).collect()
}

fn s16(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|sample| ((sample * 32_768.0).round() as i16).to_le_bytes()).collect()
}

fn f32s(samples: &[f64]) -> Vec<u8> {
    samples.iter().flat_map(|sample| (*sample as f32).to_le_bytes()).collect()
}

/// What is told, and how often.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Option<String>>>>);

impl Told {
    fn listener(&self) -> Listener {
        let told = self.clone();
        Box::new(move |why| told.0.lock().expect("a lock").push(why.map(str::to_owned)))
    }

    fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut self.0.lock().expect("a lock"))
    }
}
