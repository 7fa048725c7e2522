//! A large group: its membership by MLS, and the packets of its present epoch and the three before.
//!
//! # Timers
//! - An epoch that is over is kept for [`OLD_KEY_LIFE`], at most three of them, so that what was under way is still heard and proven.
//! - Those of the sender and the listeners.

use core::fmt;
use std::collections::{BTreeSet, VecDeque};

use openmls::prelude::tls_codec::{Deserialize, Serialize};
use openmls::prelude::{
    KeyPackage, LeafNodeIndex, LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut,
    ProcessedMessageContent, Proposal, ProtocolVersion, Sender as From, StagedCommit,
};
use openmls_traits::OpenMlsProvider;
use p2pvoip_core::{Instant, UnixTime};
use zeroize::Zeroizing;

use super::era::{Era, LABEL};
use super::error::MlsError;
use super::leaf::{self, LeafKey};
use super::provider::Provider;
use super::{MAX_LARGE_MEMBERS, MAX_MLS_MESSAGE_LEN};
use crate::group::{GroupId, Notice, OLD_KEY_LIFE, Received, Refused, SealError, Sealed, header};
use crate::identity::{Fingerprint, PUBLIC_LEN, PeerIdentity};
use crate::suite::Aead;

/// The key of a leaf, and who has shown to stand behind it.
type Shown = ([u8; PUBLIC_LEN], Fingerprint);

/// Who is in, and the keys of all leaves by their number.
type Tree = (Vec<LargeMember>, Vec<Option<[u8; PUBLIC_LEN]>>);

/// The leaf of who founded the group.
pub(super) const FOUNDER: u8 = 0;

/// How many epochs that are over are kept: with the present one, no two share the low bits that a header tells.
const MOST_PAST: usize = 3;

/// A member of a large group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LargeMember {
    /// Its number, which stands in the header of its packets.
    pub number: u8,
    /// Who it is, as its credential shows.
    pub id: Fingerprint,
}

/// What a change of one's own gives to the relay. It counts once the relay has put it before all others: see
/// [`LargeGroup::confirm`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// For all members.
    pub commit: Vec<u8>,
    /// For those who come in.
    pub welcome: Option<Vec<u8>>,
}

/// Stage: a member of a large group.
pub struct LargeGroup {
    provider: Provider,
    leaf: LeafKey,
    group: MlsGroup,
    name: (Aead, GroupId),
    members: Vec<LargeMember>,
    /// Leaves that have shown who they are, and are about to come in.
    shown: Vec<Shown>,
    present: Era,
    /// Epochs that are over and until when they are kept, the latest first.
    past: VecDeque<(Era, Instant)>,
    /// Members in whose name another one has spoken.
    cut: BTreeSet<u8>,
    notice: Option<(u8, Notice)>,
}

impl LargeGroup {
    pub(super) fn new(
        provider: Provider,
        leaf: LeafKey,
        group: MlsGroup,
        mut judge: impl FnMut(&PeerIdentity) -> bool,
        now: UnixTime,
    ) -> Result<Self, MlsError> {
        let name: [u8; 16] = group.group_id().as_slice().try_into().map_err(|_| MlsError::Malformed)?;
        let aead = Aead::from_id(name[0]).ok_or(MlsError::Malformed)?;
        let name = (aead, GroupId::new(name));
        let mut shown = Vec::new();
        for member in group.members() {
            let (peer, key) = leaf::verify(&member.credential, &member.signature_key, now)?;
            if member.index != group.own_leaf_index() && !judge(&peer) {
                return Err(MlsError::Unwanted);
            }
            shown.push((key, peer.fingerprint));
        }
        let (members, leaves) = look(&group, &shown)?;
        let present = era(&provider, &leaf, &group, name, leaves)?;
        let (past, cut, notice) = (VecDeque::new(), BTreeSet::new(), None);
        Ok(Self { provider, leaf, group, name, members, shown, present, past, cut, notice })
    }

    /// Lets devices in by their key packages, when `judge` wants who they show to be; the founder alone may.
    ///
    /// # Errors
    /// [`MlsError`]; nothing is changed then.
    pub fn admit(
        &mut self,
        packages: &[&[u8]],
        mut judge: impl FnMut(&PeerIdentity) -> bool,
        now: UnixTime,
    ) -> Result<Change, MlsError> {
        self.check_founder()?;
        if self.members.len() + packages.len() > MAX_LARGE_MEMBERS {
            return Err(MlsError::TooMany);
        }
        let checked: Result<Vec<_>, _> =
            packages.iter().map(|bytes| self.check_package(bytes, &mut judge, now)).collect();
        let (packages, shown): (Vec<_>, Vec<_>) = checked?.into_iter().unzip();
        let added = self.group.add_members(&self.provider, &self.leaf, &packages);
        let (commit, welcome, _) = added.map_err(MlsError::refused)?;
        self.shown.extend(shown);
        Ok(Change { commit: write(&commit)?, welcome: Some(write(&welcome)?) })
    }

    /// Puts a member out; the founder alone may. Once confirmed, nothing that others seal is opened by it.
    ///
    /// # Errors
    /// [`MlsError`]; nothing is changed then.
    pub fn remove(&mut self, number: u8) -> Result<Change, MlsError> {
        self.check_founder()?;
        if number == FOUNDER || !self.members.iter().any(|member| member.number == number) {
            return Err(MlsError::Unknown);
        }
        let leaves = [LeafNodeIndex::new(u32::from(number))];
        let removed = self.group.remove_members(&self.provider, &self.leaf, &leaves);
        let (commit, ..) = removed.map_err(MlsError::refused)?;
        Ok(Change { commit: write(&commit)?, welcome: None })
    }

    /// Renews one's own keys, so that who has stolen them hears nothing more: when fresh chance was [stirred](Self::stir) in
    /// since the theft. Do both every few minutes.
    ///
    /// # Errors
    /// [`MlsError`]; nothing is changed then.
    pub fn renew(&mut self) -> Result<Change, MlsError> {
        self.check_ready()?;
        let updated = self.group.self_update(&self.provider, &self.leaf, LeafNodeParameters::default());
        let (commit, ..) = updated.map_err(MlsError::refused)?.into_contents();
        Ok(Change { commit: write(&commit)?, welcome: None })
    }

    /// Mixes fresh chance of the system into what later keys are drawn from. Without it a thief who has read this memory once
    /// draws the renewed keys too. Do it before each [`renew`](Self::renew), and after the machine has slept.
    pub fn stir(&mut self, fresh: &[u8; 32]) {
        self.provider.stir(fresh);
    }

    /// The relay has put the own change before all others: it counts now.
    ///
    /// # Errors
    /// [`MlsError`] when no change waits.
    pub fn confirm(&mut self, now: Instant) -> Result<(), MlsError> {
        if self.group.pending_commit().is_none() {
            return Err(MlsError::Malformed);
        }
        self.group.merge_pending_commit(&self.provider).map_err(MlsError::refused)?;
        self.turn(now)
    }

    /// The relay has put another change before the own one, which is forgotten.
    ///
    /// # Errors
    /// [`MlsError::Refused`], which does not happen.
    pub fn discard(&mut self) -> Result<(), MlsError> {
        self.group.clear_pending_commit(self.provider.storage()).map_err(MlsError::refused)
    }

    /// Takes a commit of another member, in the relay's order, when `judge` wants those whom it brings in. False when it has
    /// removed the owner of this group.
    ///
    /// # Errors
    /// [`MlsError`]; nothing is changed then. Who refuses a commit that the others have taken hears them no more.
    pub fn receive(
        &mut self,
        commit: &[u8],
        judge: impl FnMut(&PeerIdentity) -> bool,
        unix: UnixTime,
        now: Instant,
    ) -> Result<bool, MlsError> {
        if !self.group.is_active() {
            return Err(MlsError::Over);
        }
        let message = read(commit)?.try_into_protocol_message().map_err(|_| MlsError::Malformed)?;
        let (theirs, ours) = (message.epoch(), self.group.epoch());
        if message.group_id() == self.group.group_id() && theirs != ours {
            return Err(MlsError::WrongEpoch { theirs: theirs.as_u64(), ours: ours.as_u64() });
        }
        let processed = self.group.process_message(&self.provider, message).map_err(MlsError::refused)?;
        let From::Member(sender) = *processed.sender() else { return Err(MlsError::NotAllowed) };
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(MlsError::NotAllowed);
        };
        let shown = self.check_commit(&staged, sender, judge, unix)?;
        let is_removed = staged.self_removed();
        self.group.merge_staged_commit(&self.provider, *staged).map_err(MlsError::refused)?;
        if !is_removed {
            self.shown.extend(shown);
            self.turn(now)?;
        }
        Ok(!is_removed)
    }

    /// Who is in, by rising number.
    pub fn members(&self) -> &[LargeMember] {
        &self.members
    }

    /// The own number.
    pub fn number(&self) -> u8 {
        self.present.sender.scope().member
    }

    /// The epoch of MLS.
    pub fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    /// Whether an own change waits for the relay.
    pub fn is_waiting(&self) -> bool {
        self.group.pending_commit().is_some()
    }

    /// Seals voice for all members, as [`Group::seal`](crate::group::Group::seal).
    ///
    /// # Errors
    /// [`SealError`]; `buf` is as it was then, and no number was spent.
    pub fn seal(&mut self, buf: &mut [u8], len: usize, now: Instant) -> Result<Sealed, SealError> {
        if !self.group.is_active() {
            return Err(SealError::Over);
        }
        self.present.sender.seal(buf, len, now)
    }

    /// Makes a proof that is due, as [`Sender::pull`](crate::group::Sender::pull). Call it until it gives none.
    pub fn pull(&mut self, buf: &mut [u8], now: Instant) -> Option<Sealed> {
        if !self.group.is_active() {
            return None;
        }
        self.forget(now);
        let past = self.past.iter_mut().rev().find_map(|(era, _)| era.sender.pull(buf, now));
        past.or_else(|| self.present.sender.pull(buf, now))
    }

    /// Opens a packet of any member in place, as [`Group::open`](crate::group::Group::open); by which member's path it came only
    /// the relay knows, which should drop a packet that names another.
    ///
    /// # Errors
    /// [`Refused`]; nothing but a counter has changed then, and what time has done.
    pub fn open<'b>(&mut self, packet: &'b mut [u8], now: Instant) -> Result<Received<'b>, Refused> {
        self.forget(now);
        let clear = header::Clear::parse(packet).ok_or(Refused::Malformed)?;
        if self.cut.contains(&clear.sender) {
            return Err(Refused::Cut);
        }
        let is_named = |era: &Era| era.epoch().to_le_bytes()[0] & header::EPOCH_BITS == clear.epoch;
        let past = self.past.iter_mut().map(|(era, _)| era);
        let era = core::iter::once(&mut self.present).chain(past).find(|era| is_named(era));
        let era = era.ok_or(Refused::NoKey)?;
        let (received, notice) = era.open(clear.sender, packet, now);
        if let Some(notice) = notice {
            self.note(clear.sender, notice);
        }
        received
    }

    /// When [`on_time`](Self::on_time) or [`pull`](Self::pull) has something to do.
    pub fn next_at(&self) -> Option<Instant> {
        let ends = self.past.iter().map(|(_, until)| *until);
        let past = self.past.iter().filter_map(|(era, _)| era.next_at());
        past.chain(self.present.next_at()).chain(ends).min()
    }

    /// Time has passed: epochs that are over are erased, and members that prove nothing are held.
    pub fn on_time(&mut self, now: Instant) {
        self.forget(now);
        let told = self.present.on_time(now);
        let told = told.or_else(|| self.past.iter_mut().find_map(|(era, _)| era.on_time(now)));
        if let Some((number, notice)) = told {
            self.note(number, notice);
        }
    }

    /// What a person should know of a member since the last time; ask after every packet and after time has passed.
    pub fn take_notice(&mut self) -> Option<(u8, Notice)> {
        self.notice.take()
    }

    /// Plays what that member says again, after it was cut off.
    pub fn restore(&mut self, number: u8) {
        self.cut.remove(&number);
        let past = self.past.iter_mut().map(|(era, _)| era);
        core::iter::once(&mut self.present).chain(past).for_each(|era| era.restore(number));
    }

    /// Erases the epochs that are over for long enough.
    fn forget(&mut self, now: Instant) {
        self.past.retain(|(_, until)| *until > now);
    }

    fn note(&mut self, number: u8, notice: Notice) {
        if matches!(notice, Notice::Impersonated { .. }) {
            self.cut.insert(number);
        }
        self.notice = Some((number, notice));
    }

    fn check_ready(&self) -> Result<(), MlsError> {
        if !self.group.is_active() {
            return Err(MlsError::Over);
        }
        if self.is_waiting() { Err(MlsError::Waiting) } else { Ok(()) }
    }

    fn check_founder(&self) -> Result<(), MlsError> {
        self.check_ready()?;
        if self.number() == FOUNDER { Ok(()) } else { Err(MlsError::NotAllowed) }
    }

    fn check_package(
        &self,
        bytes: &[u8],
        judge: &mut impl FnMut(&PeerIdentity) -> bool,
        now: UnixTime,
    ) -> Result<(KeyPackage, Shown), MlsError> {
        let MlsMessageBodyIn::KeyPackage(package) = read(bytes)?.extract() else {
            return Err(MlsError::Malformed);
        };
        let package = package.validate(self.provider.crypto(), ProtocolVersion::Mls10);
        let package = package.map_err(MlsError::refused)?;
        let node = package.leaf_node();
        let (peer, key) = leaf::verify(node.credential(), node.signature_key().as_slice(), now)?;
        if self.members.iter().any(|member| member.id == peer.fingerprint) {
            return Err(MlsError::NotAllowed);
        }
        if judge(&peer) { Ok((package, (key, peer.fingerprint))) } else { Err(MlsError::Unwanted) }
    }

    /// Whether the commit does only what its sender may, and brings in only who can show who it is.
    fn check_commit(
        &self,
        staged: &StagedCommit,
        sender: LeafNodeIndex,
        mut judge: impl FnMut(&PeerIdentity) -> bool,
        now: UnixTime,
    ) -> Result<Vec<Shown>, MlsError> {
        for queued in staged.queued_proposals() {
            let is_change = matches!(queued.proposal(), Proposal::Add(_) | Proposal::Remove(_));
            let is_founders = sender.u32() == u32::from(FOUNDER) && *queued.sender() == From::Member(sender);
            if !(is_change && is_founders) {
                return Err(MlsError::NotAllowed);
            }
        }
        let mut shown = Vec::new();
        for added in staged.add_proposals() {
            let node = added.add_proposal().key_package().leaf_node();
            let (peer, key) = leaf::verify(node.credential(), node.signature_key().as_slice(), now)?;
            if !judge(&peer) {
                return Err(MlsError::Unwanted);
            }
            shown.push((key, peer.fingerprint));
        }
        let mut removed = staged.remove_proposals();
        if removed.any(|queued| queued.remove_proposal().removed().u32() == u32::from(FOUNDER)) {
            return Err(MlsError::NotAllowed);
        }
        let own = self.group.members().find(|member| member.index == sender);
        let (Some(own), Some(node)) = (own, staged.update_path_leaf_node()) else { return Ok(shown) };
        let is_same = *node.credential() == own.credential
            && node.signature_key().as_slice() == own.signature_key.as_slice();
        if is_same { Ok(shown) } else { Err(MlsError::NotAllowed) }
    }

    /// The group is in a new epoch: its keys take the place of the old ones.
    fn turn(&mut self, now: Instant) -> Result<(), MlsError> {
        let (members, leaves) = look(&self.group, &self.shown)?;
        let next = era(&self.provider, &self.leaf, &self.group, self.name, leaves)?;
        let gone = self.members.iter().filter(|member| !members.contains(member));
        for member in gone {
            self.cut.remove(&member.number);
        }
        let old = core::mem::replace(&mut self.present, next);
        self.forget(now);
        self.past.truncate(MOST_PAST - 1);
        self.past.push_front((old, now + OLD_KEY_LIFE));
        self.shown.retain(|(_, id)| members.iter().any(|member| member.id == *id));
        self.members = members;
        Ok(())
    }
}

/// Who is in a group and the keys of their leaves, of which all have shown who they are.
fn look(group: &MlsGroup, shown: &[Shown]) -> Result<Tree, MlsError> {
    let (mut members, mut leaves) = (Vec::new(), vec![None; MAX_LARGE_MEMBERS]);
    for member in group.members() {
        let number = u8::try_from(member.index.u32()).map_err(|_| MlsError::TooMany)?;
        let known = shown.iter().find(|(key, _)| key[..] == member.signature_key[..]);
        let (key, id) = *known.ok_or(MlsError::Credential)?;
        if let Some(place) = leaves.get_mut(usize::from(number)) {
            *place = Some(key);
        }
        members.push(LargeMember { number, id });
    }
    Ok((members, leaves))
}

fn era(
    provider: &Provider,
    leaf: &LeafKey,
    group: &MlsGroup,
    name: (Aead, GroupId),
    leaves: Vec<Option<[u8; PUBLIC_LEN]>>,
) -> Result<Era, MlsError> {
    let exported = group.export_secret(provider.crypto(), LABEL, b"", 32).map_err(MlsError::refused)?;
    let exported = Zeroizing::new(exported);
    let mut secret = Zeroizing::new([0; 32]);
    for (to, from) in secret.iter_mut().zip(exported.iter()) {
        *to = *from;
    }
    let own = u8::try_from(group.own_leaf_index().u32()).map_err(|_| MlsError::TooMany)?;
    Ok(Era::new(name, group.epoch().as_u64(), secret, (own, leaf.seed()), leaves))
}

pub(super) fn read(bytes: &[u8]) -> Result<MlsMessageIn, MlsError> {
    if bytes.len() > MAX_MLS_MESSAGE_LEN {
        return Err(MlsError::TooLong);
    }
    MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| MlsError::Malformed)
}

pub(super) fn write(message: &MlsMessageOut) -> Result<Vec<u8>, MlsError> {
    message.tls_serialize_detached().map_err(MlsError::refused)
}

impl fmt::Debug for LargeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("LargeGroup");
        debug.field("epoch", &self.epoch()).field("members", &self.members.len()).finish_non_exhaustive()
    }
}
