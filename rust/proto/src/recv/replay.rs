//! Packets that waited for a user, or for a key.

use core::time::Duration;

use super::{EndToEnd, FrameOutput, Opened, ReceivePath, Workspace};

impl<E: EndToEnd> ReceivePath<E> {
    /// Tries the packets that wait, once each; those that still have no user or key go on waiting.
    pub(super) fn replay<O: FrameOutput + ?Sized>(
        &mut self,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
        wanted: impl Fn(u32) -> bool,
    ) {
        for _ in 0..self.waiting.len() {
            let known = |ssrc| wanted(ssrc) && self.ssrcs.user(ssrc).is_some();
            let Some((packet, media)) = self.waiting.take(known) else { return };
            self.opened(Opened { packet, media: &media }, now, workspace, out);
            self.waiting.recycle(media);
        }
    }

    pub(super) fn drop_expired(&mut self, now: Duration) {
        while let Some((packet, media)) = self.waiting.take_expired(now) {
            match self.ssrcs.user(packet.ssrc).and_then(|user_id| self.users.get_mut(user_id)) {
                Some(user) => user.stats.failed_to_open += 1,
                None => self.stats.unknown_dropped += 1,
            }
            self.waiting.recycle(media);
        }
    }
}
