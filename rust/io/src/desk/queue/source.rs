//! The sound of a queue.

use std::sync::{Arc, Mutex};

use super::player::{Player, Ready};
use super::shared::Shared;
use super::state::check_place;
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};
use crate::threads::lock;

/// The sound of a queue, at one place at a time. When it is detached, the queue may be played again, and goes on where
/// it was heard last.
pub struct QueueSource {
    shared: Arc<Shared>,
    pub(super) player: Option<Box<Player>>,
    home: Home,
}

/// Where a player is that does not play.
pub(super) type Home = Arc<Mutex<Option<Box<Player>>>>;

impl QueueSource {
    /// None if it plays already.
    pub(super) fn take(shared: &Arc<Shared>, home: &Home) -> Option<Self> {
        let player = lock(home).take()?;
        Some(Self { shared: Arc::clone(shared), player: Some(player), home: Arc::clone(home) })
    }

    fn player(&mut self) -> Option<(&mut Player, &Shared)> {
        Some((self.player.as_deref_mut()?, &self.shared))
    }
}

impl FrameSource for QueueSource {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let Some((player, shared)) = self.player() else { return Ok(Some(SourceFrame::End)) };
        match player.ready(shared, frame, want) {
            Ready::Frame => {}
            Ready::Searching => return Ok(None),
            Ready::Starved => return Ok(Some(SourceFrame::Starved)),
            Ready::End => {
                player.end(shared);
                return Ok(Some(SourceFrame::End));
            }
        }
        player.read_ahead(frame);
        Ok(Some(player.compose(shared, frame, want)?))
    }

    /// Goes to a place in the entry that is heard now.
    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        check_place(seconds)?;
        let Some((player, shared)) = self.player() else { return Ok(()) };
        if shared.lock().seek(seconds) {
            player.revise(shared, 0);
        }
        Ok(())
    }

    /// Where in its entry the next frame begins.
    fn position(&self) -> u64 {
        self.player.as_ref().map_or(0, |player| player.place())
    }

    fn has_packets(&self) -> bool {
        true
    }

    fn passes(&self) -> bool {
        self.player.as_ref().is_some_and(|player| player.passes())
    }

    fn rests(&self) -> bool {
        self.player.as_ref().is_some_and(|player| player.rests())
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        let Some((player, shared)) = self.player() else { return };
        shared.relay.set(Some(Arc::clone(downstream)));
        player.attach(shared, depth);
    }

    fn detach(&mut self) {
        let Some(mut player) = self.player.take() else { return };
        player.detach(&self.shared);
        self.shared.relay.set(None);
        *lock(&self.home) = Some(player);
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.player().is_some_and(|(player, shared)| player.is_changed(shared))
    }

    fn revise(&mut self, frames: u64) {
        if let Some((player, shared)) = self.player() {
            player.revise(shared, frames);
        }
    }

    fn in_vain(&mut self) {
        if let Some((player, _)) = self.player() {
            player.note_in_vain();
        }
    }
}

impl Drop for QueueSource {
    fn drop(&mut self) {
        self.detach();
    }
}
