//! Opens tracks as a layout wants them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::assembler::Assembler;
use super::clean::{CleanLane, Cleaner};
use super::error::SinkError;
use super::matroska::MuxTrack;
use super::mix::{Mix, VoiceTrack, patience};
use super::open::{Opened, Plan, open, packets};
use super::options::{Format, Layout, RecorderOptions, TargetFactory};
use super::packet_parts::PacketParts;
use super::parts::{Cuts, PartReport, Shelf};
use super::shared_files::{Kind, SharedFiles};
use super::track::Track;
use super::written::Written;
use crate::threads::lock;

type Result<T> = std::result::Result<T, SinkError>;

/// Opens tracks as a layout wants them.
pub(crate) enum Maker {
    PerUser(Arc<Mutex<TargetFactory>>),
    Shared(SharedFiles),
    /// Users are only voices of the mixdown.
    Voices,
}

impl Maker {
    pub(crate) fn new(options: &RecorderOptions, layout: Layout, cuts: &Cuts) -> Result<(Self, Option<Mix>)> {
        match (layout, options.format) {
            (Layout::PerUser(factory), _) => Ok((Self::PerUser(Arc::new(Mutex::new(factory))), None)),
            (Layout::Mixdown(make), _) => Ok((Self::Voices, Some(Mix::new(options, make, cuts)?))),
            (Layout::Tracks(make), Format::Matroska(doc_type)) => {
                let (limit, by_size) = (options.limit(), options.by_size());
                let kind = Kind {
                    doc_type,
                    about: options.about.clone(),
                    limit,
                    max_tracks: options.max_tracks,
                    by_size,
                };
                Ok((Self::Shared(SharedFiles::new(make, kind)?), None))
            }
            (Layout::Tracks(_), _) => {
                Err(SinkError::Option("only Matroska and WebM hold the tracks of many users in one file"))
            }
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Shared(files) => files.path(),
            Self::PerUser(_) | Self::Voices => None,
        }
    }

    pub(crate) fn shared_len(&self) -> Option<u64> {
        match self {
            Self::Shared(files) => Some(files.len()),
            Self::PerUser(_) | Self::Voices => None,
        }
    }

    /// Where the track of a user begins who is first heard at `at`, if all are to begin together.
    pub(crate) fn begin(&self, at: u64) -> u64 {
        match self {
            Self::Shared(files) => files.begin(at),
            Self::PerUser(_) | Self::Voices => 0,
        }
    }

    /// The files of all users that are complete, from the given index on.
    pub(crate) fn parts(&self, index: usize) -> Vec<PartReport> {
        match self {
            Self::Shared(files) => files.shelf().from(index),
            Self::PerUser(_) | Self::Voices => Vec::new(),
        }
    }

    /// A track, even if it has failed to open.
    pub(crate) fn track(
        &mut self,
        options: &RecorderOptions,
        user_id: u64,
        origin: u64,
        opus: bool,
        cuts: &Cuts,
    ) -> Track {
        let cleaner = Cleaner::new(options.cleaning, options.own_user == Some(user_id));
        let plan = Plan::new(options, cuts, Some(user_id), origin, !opus || cleaner.is_some());
        let opened = match self {
            Self::PerUser(factory) => {
                let factory = Arc::clone(factory);
                let make = move |part| lock(&factory)(user_id, part);
                open(&plan, Box::new(make))
            }
            Self::Shared(files) => shared(files.clone(), &plan),
            Self::Voices => Ok(Opened { lane: Box::new(VoiceTrack), shelf: Shelf::default() }),
        };
        if matches!(self, Self::Voices) {
            // Each is cleaned on its way into the sum.
            let assembler = Assembler::new(origin, patience(options.mix_window));
            return Track::new(assembler, Written::new(opened), cleaner);
        }
        let opened = match cleaner {
            Some(cleaner) => opened.map(|Opened { lane, shelf }| Opened {
                lane: Box::new(CleanLane::new(cleaner, lane)),
                shelf,
            }),
            None => opened,
        };
        Track::new(Assembler::new(origin, options.reorder), Written::new(opened), None)
    }

    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Shared(files) => files.flush(),
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<()> {
        match self {
            Self::Shared(files) => files.finish(),
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }

    /// The error of a file of many tracks, once.
    pub(crate) fn broken(&self) -> Result<()> {
        match self {
            Self::Shared(files) => files.take_error(),
            Self::PerUser(_) | Self::Voices => Ok(()),
        }
    }
}

/// A track of the files that all users share.
fn shared(files: SharedFiles, plan: &Plan) -> Result<Opened> {
    let owner = plan.about.file(plan.user_id, plan.origin).owner();
    let open = move |number, begin, at: u64| {
        let (muxer, begin) = files.part(number, begin)?;
        let offset = at.saturating_sub(begin);
        Ok(Box::new(MuxTrack::new(muxer, owner.clone(), offset)) as Box<dyn super::lane::PacketWriter>)
    };
    let cuts = plan.cuts.clone();
    let parts = PacketParts::new(Box::new(open), cuts, None, plan.user_id, plan.by_size, plan.origin)?;
    Ok(Opened { lane: packets(Box::new(parts), plan.opus.as_ref())?, shelf: Shelf::default() })
}
