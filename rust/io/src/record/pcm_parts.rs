//! PCM in parts. A file ends at the very sample of a cut, or with the last one that it has room for.

use std::collections::VecDeque;

use isocord_proto::frame::CHANNELS;

use super::error::SinkError;
use super::lane::PcmWriter;
use super::parts::{Cuts, Extent, Shelf};

/// What a writer may have gathered before it finds no room for it, in samples: a block of FLAC.
const TAIL: usize = 4_096;

type Result<T> = std::result::Result<T, SinkError>;

/// Opens the file of a part by its number, and where it begins in the recording.
pub(crate) type OpenPcm = Box<dyn FnMut(u32, u64) -> Result<Box<dyn PcmWriter>> + Send>;

/// Writes a track to one file after the other.
pub(crate) struct PcmParts {
    open: OpenPcm,
    cuts: Cuts,
    shelf: Shelf,
    user_id: Option<u64>,
    /// A file that is full is followed by another.
    by_size: bool,
    writer: Option<Box<dyn PcmWriter>>,
    number: u32,
    /// Where the part begins, and how far it has come, in the recording's time.
    begin: u64,
    at: u64,
    /// Of the parts that are complete.
    bytes: u64,
    samples: u64,
    /// The last samples of this part, where it may be full.
    tail: Vec<i16>,
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Pcm(&'a [i16]),
    Silence(u64),
}

impl<'a> Piece<'a> {
    fn len(self) -> u64 {
        match self {
            Self::Pcm(pcm) => (pcm.len() / CHANNELS) as u64,
            Self::Silence(samples) => samples,
        }
    }

    fn split(self, at: u64) -> (Self, Self) {
        match self {
            Self::Pcm(pcm) => {
                let (now, then) = pcm.split_at(CHANNELS * at as usize);
                (Self::Pcm(now), Self::Pcm(then))
            }
            Self::Silence(samples) => (Self::Silence(at), Self::Silence(samples - at)),
        }
    }
}

/// What has to be written anew.
enum Again {
    Pcm(Vec<i16>),
    Silence(u64),
}

impl PcmParts {
    /// The first part, which begins at `origin` of the recording.
    pub(crate) fn new(
        mut open: OpenPcm,
        cuts: Cuts,
        shelf: Shelf,
        user_id: Option<u64>,
        by_size: bool,
        origin: u64,
    ) -> Result<Self> {
        let (_, number) = cuts.part_at(origin);
        let writer = Some(open(number, origin)?);
        let (begin, at) = (origin, origin);
        let (bytes, samples, tail) = (0, 0, Vec::new());
        Ok(Self { open, cuts, shelf, user_id, by_size, writer, number, begin, at, bytes, samples, tail })
    }

    fn put(&mut self, mut rest: Piece<'_>) -> Result<()> {
        while rest.len() > 0 {
            let cut = self.cuts.after(self.begin);
            if self.at >= cut {
                self.close_all()?;
                self.next()?;
                continue;
            }
            let (now, then) = rest.split(rest.len().min(cut - self.at));
            self.feed(now)?;
            rest = then;
        }
        Ok(())
    }

    /// Writes what has its place before the next cut.
    fn feed(&mut self, piece: Piece<'_>) -> Result<()> {
        let mut again = self.try_feed(piece)?;
        while let Some(first) = again.pop_front() {
            let mut more = match &first {
                Again::Pcm(pcm) => self.try_feed(Piece::Pcm(pcm))?,
                Again::Silence(samples) => self.try_feed(Piece::Silence(*samples))?,
            };
            more.append(&mut again);
            again = more;
        }
        Ok(())
    }

    /// Writes a piece; where the file is full the next one is open then, and what it has to begin with is returned.
    fn try_feed(&mut self, piece: Piece<'_>) -> Result<VecDeque<Again>> {
        let writer = self.writer()?;
        let result = match piece {
            Piece::Pcm(pcm) => writer.pcm(pcm),
            Piece::Silence(samples) => writer.silence(samples),
        };
        self.at += piece.len();
        match result {
            Err(SinkError::Full) if self.by_size => {}
            Err(error) => return Err(error),
            Ok(()) => {
                self.remember(piece);
                return Ok(VecDeque::new());
            }
        }
        let lost = self.close()?;
        let of_piece = lost.min(piece.len());
        let mut again = VecDeque::from([Again::Pcm(self.last(lost - of_piece))]);
        again.push_back(match piece.split(piece.len() - of_piece).1 {
            Piece::Pcm(pcm) => Again::Pcm(pcm.to_vec()),
            Piece::Silence(samples) => Again::Silence(samples),
        });
        self.at -= lost;
        self.next()?;
        Ok(again)
    }

    fn remember(&mut self, piece: Piece<'_>) {
        if !self.by_size {
            return;
        }
        let room = CHANNELS * TAIL;
        match piece {
            Piece::Pcm(pcm) => self.tail.extend_from_slice(&pcm[pcm.len().saturating_sub(room)..]),
            Piece::Silence(samples) => {
                let len = self.tail.len() + CHANNELS * samples.min(TAIL as u64) as usize;
                self.tail.resize(len, 0);
            }
        }
        if self.tail.len() > 2 * room {
            self.tail.drain(..self.tail.len() - room);
        }
    }

    /// The last samples that were remembered.
    fn last(&self, samples: u64) -> Vec<i16> {
        let len = CHANNELS * samples as usize;
        self.tail[self.tail.len().saturating_sub(len)..].to_vec()
    }

    /// Makes the part complete; samples that it was given and had no room for are returned.
    fn close(&mut self) -> Result<u64> {
        let Some(mut writer) = self.writer.take() else { return Ok(0) };
        match writer.finish() {
            Err(SinkError::Full) => {}
            finished => finished?,
        }
        let (samples, bytes) = (writer.samples(), writer.len());
        self.bytes += bytes;
        self.samples += samples;
        let extent = Extent { number: self.number, offset: self.begin, samples, bytes };
        self.shelf.put(self.user_id, self.user_id.is_none(), extent);
        let lost = (self.at - self.begin).saturating_sub(samples);
        // Were there no room in any file, there would be no end of files.
        if lost > 0 && samples == 0 { Err(SinkError::Full) } else { Ok(lost) }
    }

    /// Makes the part complete, with more parts of what it had no room for.
    fn close_all(&mut self) -> Result<()> {
        loop {
            let lost = self.close()?;
            if lost == 0 {
                return Ok(());
            }
            if !self.by_size {
                return Err(SinkError::Full);
            }
            let again = self.last(lost);
            self.at -= lost;
            self.next()?;
            self.feed(Piece::Pcm(&again))?;
        }
    }

    fn next(&mut self) -> Result<()> {
        self.number += 1;
        self.begin = self.at;
        self.tail.clear();
        self.writer = Some((self.open)(self.number, self.begin)?);
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut Box<dyn PcmWriter>> {
        self.writer.as_mut().ok_or(SinkError::Full)
    }
}

impl PcmWriter for PcmParts {
    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.put(Piece::Pcm(pcm))
    }

    fn silence(&mut self, samples: u64) -> Result<()> {
        self.put(Piece::Silence(samples))
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.flush())
    }

    fn finish(&mut self) -> Result<()> {
        self.close_all()
    }

    fn len(&self) -> u64 {
        self.bytes + self.writer.as_ref().map_or(0, |writer| writer.len())
    }

    fn samples(&self) -> u64 {
        self.samples + self.writer.as_ref().map_or(0, |writer| writer.samples())
    }
}
