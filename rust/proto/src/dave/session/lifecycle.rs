//! What the session does when a message has been understood: groups, keys and transitions.

use openmls::prelude::OpenMlsProvider;

use super::{INIT_TRANSITION, Session};
use crate::dave::group::Group;
use crate::dave::openers::ReceiverChange;
use crate::dave::output::{ClientMessage, Notice, Output};
use crate::dave::privacy::PrivacyCode;
use crate::dave::ratchet::SenderRatchet;
use crate::dave::refusal::Refusal;
use crate::dave::sealer::SenderChange;
use crate::dave::transition::{KeyEpoch, Target};

impl Session {
    /// Leaves the group, if there is one, and waits to be added to a new one: a fresh key package goes out.
    pub(super) fn start_group(&mut self, version: u16) {
        self.announced_version = version;
        self.leave_group();
        match self.client.key_package() {
            Ok(key_package) => self.send(ClientMessage::KeyPackage(key_package)),
            Err(refusal) => self.notice(Notice::Failed(refusal)),
        }
        if self.external_sender.is_some() {
            self.create_local_group();
        }
    }

    pub(super) fn leave_group(&mut self) {
        self.group = None;
        self.epoch = self.epoch.next();
        self.client.provider.storage().clear();
        self.set_privacy_code(None);
    }

    pub(super) fn create_local_group(&mut self) {
        let Some(sender) = &self.external_sender else { return };
        self.group = None;
        match Group::create(&self.client, sender) {
            Ok(group) => {
                self.group = Some(group);
                self.epoch = self.epoch.next();
            }
            Err(refusal) => self.notice(Notice::Failed(refusal)),
        }
    }

    /// The group has a new epoch: receivers get its keys at once, the sender when the transition is executed.
    pub(super) fn enter_epoch(&mut self, transition_id: u16) {
        self.epoch = self.epoch.next();
        let Some(group) = &self.group else { return };
        let own_id = self.client.user_id;
        let others = group.members().map(|(user_id, _)| user_id).filter(|user_id| *user_id != own_id);
        let exported: Result<Vec<_>, Refusal> =
            others.map(|user_id| Ok((user_id, group.ratchet(&self.client, user_id)?))).collect();
        let exported = exported.and_then(|ratchets| Ok((ratchets, group.ratchet(&self.client, own_id)?)));
        let (ratchets, own) = match exported {
            Ok(exported) => exported,
            Err(refusal) => return self.notice(Notice::Failed(refusal)),
        };
        let code = group.privacy_code();
        self.outputs.push_back(Output::Receivers(ReceiverChange::Epoch(ratchets)));
        self.transitions.keep(self.epoch, own);
        self.set_privacy_code(code);
        self.prepare(transition_id, Target::Encrypted(self.epoch));
    }

    /// Gets ready for a transition; the initial one is executed at once.
    pub(super) fn prepare(&mut self, transition_id: u16, target: Target) {
        match target {
            _ if transition_id != INIT_TRANSITION => {
                self.transitions.prepare(transition_id, target);
                self.send(ClientMessage::ReadyForTransition { transition_id });
            }
            Target::Plain => self.execute_plain(),
            Target::Encrypted(epoch) => {
                let key = self.transitions.take_key(epoch).or_else(|| self.local_key(epoch));
                self.execute_encrypted(epoch, key);
            }
        }
    }

    pub(super) fn execute_plain(&mut self) {
        self.announced_version = 0;
        self.leave_group();
        self.transitions.drop_keys();
        self.set_sender(SenderChange::Passthrough);
        self.allow_plain();
        self.outputs.push_back(Output::Receivers(ReceiverChange::Expire));
        self.set_version(0);
    }

    pub(super) fn execute_encrypted(&mut self, epoch: KeyEpoch, key: Option<SenderRatchet>) {
        if self.transitions.in_force() > Some(epoch) {
            // A later transition has been executed before this one.
            return;
        }
        match key {
            Some(key) => self.set_sender(SenderChange::key(key)),
            // The others still have the key in force; where there is none, nothing may leave any more.
            None if self.is_sealing => {}
            None => self.set_sender(SenderChange::Blocked),
        }
        self.refuse_plain();
        self.set_version(self.announced_version.max(1));
    }

    /// The sender's key of a local group, for one who is alone in the call (whitepaper, "Sole member reset").
    pub(super) fn local_key(&mut self, epoch: KeyEpoch) -> Option<SenderRatchet> {
        if self.transitions.in_force() == Some(epoch) {
            // A second ratchet from the same secret would use its nonces again.
            return None;
        }
        let group = self.group.as_ref().filter(|group| !group.is_established() && epoch == self.epoch)?;
        let key = group.ratchet(&self.client, self.client.user_id).ok()?;
        self.transitions.keep(epoch, key);
        self.transitions.take_key(epoch)
    }

    /// Reports a commit or welcome that cannot be taken, and asks to be added anew.
    ///
    /// The keys in force stay so until the next transition: the others still have them.
    pub(super) fn recover(&mut self, opcode: u8, transition_id: u16, reason: Refusal) {
        self.notice(Notice::Refused { opcode, transition_id, reason });
        self.send(ClientMessage::InvalidCommitWelcome { transition_id });
        self.start_group(self.announced_version.max(1));
    }

    pub(super) fn set_sender(&mut self, change: SenderChange) {
        self.is_sealing = matches!(change, SenderChange::Key(_));
        self.outputs.push_back(Output::Sender(change));
    }

    pub(super) fn allow_plain(&mut self) {
        if !core::mem::replace(&mut self.allows_plain, true) {
            self.outputs.push_back(Output::Receivers(ReceiverChange::AllowPlain));
        }
    }

    pub(super) fn refuse_plain(&mut self) {
        if core::mem::take(&mut self.allows_plain) {
            self.outputs.push_back(Output::Receivers(ReceiverChange::RefusePlain));
        }
    }

    pub(super) fn set_version(&mut self, version: u16) {
        if core::mem::replace(&mut self.version, version) != version {
            self.outputs.push_back(Output::Version(version));
        }
    }

    pub(super) fn set_privacy_code(&mut self, code: Option<PrivacyCode>) {
        if self.privacy_code != code {
            self.privacy_code.clone_from(&code);
            self.outputs.push_back(Output::PrivacyCode(code));
        }
    }

    pub(super) fn send(&mut self, message: ClientMessage) {
        self.outputs.push_back(Output::Send(message));
    }

    pub(super) fn ignore(&mut self, opcode: u8, reason: Refusal) {
        self.notice(Notice::Ignored { opcode, reason });
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Notice(notice));
    }
}
