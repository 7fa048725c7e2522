//! On the way into a large group: a key package for who lets one in, and the two beginnings of a group.

use openmls::group::GroupId as MlsGroupId;
use openmls::prelude::{
    CredentialWithKey, KeyPackage, Lifetime, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
    MlsMessageBodyIn, MlsMessageOut, PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, StagedWelcome,
};
use openmls_traits::OpenMlsProvider;
use openmls_traits::random::OpenMlsRand;
use p2pvoip_core::{Seed, UnixTime};

use super::error::MlsError;
use super::large::{FOUNDER, LargeGroup, read, write};
use super::leaf::LeafKey;
use super::provider::{Provider, SUITE};
use crate::identity::{Fingerprint, Identity, PeerIdentity};
use crate::suite::Aead;

/// Stage: a device on its way into one group, which it founds or joins.
#[derive(Debug)]
pub struct Entrant {
    provider: Provider,
    leaf: LeafKey,
    credential: CredentialWithKey,
}

impl Entrant {
    /// A device of that identity. The seed comes from the system and is used for nothing else.
    ///
    /// # Errors
    /// [`MlsError::Refused`], which does not happen.
    pub fn new(identity: &Identity, seed: &Seed, now: UnixTime) -> Result<Self, MlsError> {
        let leaf = LeafKey::new(seed)?;
        let credential = leaf.credential(identity, now);
        Ok(Self { provider: Provider::new(seed), leaf, credential })
    }

    /// Mixes fresh chance of the system into what keys are drawn from; see [`LargeGroup::stir`].
    pub fn stir(&mut self, fresh: &[u8; 32]) {
        self.provider.stir(fresh);
    }

    /// What the founder needs to let this device in: bytes for [`LargeGroup::admit`].
    ///
    /// # Errors
    /// [`MlsError::Refused`], which does not happen.
    pub fn key_package(&self) -> Result<Vec<u8>, MlsError> {
        let builder = KeyPackage::builder().key_package_lifetime(always());
        let package = builder.build(SUITE, &self.provider, &self.leaf, self.credential.clone());
        let package = package.map_err(MlsError::refused)?.into_key_package();
        write(&MlsMessageOut::from(package))
    }

    /// Founds a group in which this device is alone.
    ///
    /// # Errors
    /// [`MlsError`] when the credential is not valid now.
    pub fn found(self, aead: Aead, now: UnixTime) -> Result<LargeGroup, MlsError> {
        let mut name: [u8; 16] = self.provider.rand().random_array().map_err(MlsError::refused)?;
        name[0] = aead.id();
        let config = MlsGroupCreateConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(0)
            .lifetime(always())
            .ciphersuite(SUITE)
            .build();
        let (provider, leaf) = (self.provider, self.leaf);
        let id = MlsGroupId::from_slice(&name);
        let group = MlsGroup::new_with_group_id(&provider, &leaf, &config, id, self.credential);
        // Nobody is in but the owner.
        LargeGroup::new(provider, leaf, group.map_err(MlsError::refused)?, |_| true, now)
    }

    /// Joins the group to which that founder has welcomed this device. Every other member shows who it is, and is let in as
    /// `judge` says, which asks the pins: [`Pin::judge`](crate::Pin::judge) knows revoked devices.
    ///
    /// # Errors
    /// [`MlsError`] when the welcome is not for this device or not by that founder, or when a member cannot show who it is
    /// or is not wanted.
    pub fn join(
        self,
        welcome: &[u8],
        founder: &Fingerprint,
        judge: impl FnMut(&PeerIdentity) -> bool,
        now: UnixTime,
    ) -> Result<LargeGroup, MlsError> {
        let MlsMessageBodyIn::Welcome(welcome) = read(welcome)?.extract() else {
            return Err(MlsError::Malformed);
        };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .max_past_epochs(0)
            .build();
        let (provider, leaf) = (self.provider, self.leaf);
        let builder = StagedWelcome::build_from_welcome(&provider, &config, welcome);
        let builder = builder.map_err(MlsError::refused)?.skip_lifetime_validation();
        let staged = builder.build().map_err(MlsError::refused)?;
        // Another member could welcome to a group that it has split off: the signature of the welcome is the founder's.
        if staged.welcome_sender_index().u32() != u32::from(FOUNDER) {
            return Err(MlsError::OtherFounder);
        }
        let group = staged.into_group(&provider).map_err(MlsError::refused)?;
        let group = LargeGroup::new(provider, leaf, group, judge, now)?;
        if group.members().iter().any(|member| member.number == FOUNDER && member.id == *founder) {
            Ok(group)
        } else {
            Err(MlsError::OtherFounder)
        }
    }
}

/// No date of openmls's own, which reads the system's clock: the credential's dates count, against the time that is given.
fn always() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}
