//! The frames of a presentation: those of its parts, one after the other, on one clock.

use std::sync::{Arc, PoisonError};

use super::super::budget::{Call, Meter};
use super::super::error::StageError;
use super::super::frame::{FRAME_SAMPLES, FrameBuf, SAMPLE_RATE, SourceFrame};
use super::super::input::MediaFile;
use super::super::pcm::{Demuxer, PcmStream, Trim};
use super::super::stream::Decode;
use super::part::Presented;

/// See above.
pub(crate) struct Parts {
    presented: Presented,
    meter: Arc<Meter>,
    /// None between two parts.
    stream: Option<PcmStream>,
    /// Where its first frame belongs; its own clock may begin anywhere.
    begins: i64,
    /// What is added to its clock.
    offset: Option<i64>,
    /// Nothing before this place is wanted.
    from: i64,
    /// Up to here there is nothing: silence.
    silent: i64,
    /// Of the parts that are over.
    broken: u64,
}

impl Parts {
    /// The presentation, of whose first part this is the sound.
    pub(crate) fn new(presented: Presented, stream: PcmStream, meter: Arc<Meter>) -> Self {
        Self {
            presented,
            meter,
            stream: Some(stream),
            begins: 0,
            offset: None,
            from: 0,
            silent: 0,
            broken: 0,
        }
    }

    /// Goes on with a segment, or behind those that are not there.
    fn go_on(&mut self, segment: u64) -> Result<(), StageError> {
        let (there, seconds) = self.presented.presentation.there_from(segment);
        self.silent = self.begins + samples(seconds);
        match there {
            Some(segment) => self.open(segment),
            None => {
                self.stream = None;
                Ok(())
            }
        }
    }

    fn open(&mut self, segment: u64) -> Result<(), StageError> {
        self.broken += self.stream.take().map_or(0, |stream| stream.broken());
        self.offset = None;
        let (window, presented) =
            Presented::part(Arc::clone(&self.presented.presentation), segment, &self.meter)?;
        self.presented = presented;
        let file = MediaFile::of_window(window, Arc::clone(&self.meter));
        self.meter.heard();
        self.meter.begin(Call::Open);
        let demuxer = Demuxer::open(file, None)?;
        self.stream = Some(PcmStream::new(demuxer, Trim::default())?);
        Ok(())
    }
}

fn samples(seconds: f64) -> i64 {
    (seconds * f64::from(SAMPLE_RATE)).round() as i64
}

impl Decode for Parts {
    fn next_frame(&mut self, out: &mut FrameBuf) -> Result<Option<SourceFrame>, StageError> {
        loop {
            if self.begins < self.silent {
                let place = self.begins;
                self.begins += FRAME_SAMPLES as i64;
                if self.begins > self.from {
                    out.pcm.fill(0.0);
                    (out.position, out.samples) = (u64::try_from(place).unwrap_or(0), FRAME_SAMPLES as u16);
                    return Ok(Some(SourceFrame::Pcm));
                }
                continue;
            }
            let Some(stream) = &mut self.stream else { return Ok(Some(SourceFrame::End)) };
            match stream.next_frame(out)? {
                Some(SourceFrame::Pcm) => {}
                Some(SourceFrame::End) => {
                    let next = self.presented.next.lock().unwrap_or_else(PoisonError::into_inner).take();
                    match next {
                        None => return Ok(Some(SourceFrame::End)),
                        Some(segment) => self.go_on(segment)?,
                    }
                    continue;
                }
                other => return Ok(other),
            }
            let own = i64::try_from(out.position).unwrap_or(i64::MAX / 2);
            let place = own + *self.offset.get_or_insert(self.begins - own);
            let end = place + i64::from(out.samples);
            self.begins = end;
            if end <= self.from {
                continue;
            }
            out.position = u64::try_from(place).unwrap_or(0);
            return Ok(Some(SourceFrame::Pcm));
        }
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        let seconds = target as f64 / f64::from(SAMPLE_RATE);
        let (segment, begins) = self.presented.presentation.at(seconds);
        self.from = target;
        self.begins = samples(begins);
        match self.presented.presentation.seconds() {
            Some(all) if seconds >= all => {
                (self.stream, self.silent) = (None, self.begins);
                Ok(())
            }
            _ => self.go_on(segment),
        }
    }

    fn broken(&self) -> u64 {
        self.broken + self.stream.as_ref().map_or(0, PcmStream::broken)
    }
}
