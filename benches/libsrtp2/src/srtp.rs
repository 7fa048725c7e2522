//! The few functions of libsrtp2 2.5 that protect and unprotect a packet (`srtp2/srtp.h`).

use std::ffi::{c_int, c_ulong, c_void};
use std::ptr::{null, null_mut};

/// Bytes of a master key and salt: AES-256-GCM has the longest, 32 and 12 (RFC 7714 section 12).
const MASTER: usize = 44;
/// Bytes of an RTP header without contributing sources and extensions (RFC 3550 section 5.1).
pub const RTP_HEADER: usize = 12;
/// The most bytes that `srtp_protect` adds (`SRTP_MAX_TRAILER_LEN`).
pub const TRAILER: usize = 16 + 128;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CryptoPolicy {
    cipher_type: u32,
    cipher_key_len: c_int,
    auth_type: u32,
    auth_key_len: c_int,
    auth_tag_len: c_int,
    sec_serv: c_int,
}

#[repr(C)]
struct Policy {
    ssrc_type: c_int,
    ssrc_value: u32,
    rtp: CryptoPolicy,
    rtcp: CryptoPolicy,
    key: *const u8,
    keys: *const c_void,
    num_master_keys: c_ulong,
    deprecated_ekt: *const c_void,
    window_size: c_ulong,
    allow_repeat_tx: c_int,
    enc_xtn_hdr: *const c_int,
    enc_xtn_hdr_count: c_int,
    next: *const Policy,
}

#[link(name = "srtp2")]
unsafe extern "C" {
    fn srtp_init() -> c_int;
    fn srtp_create(session: *mut *mut c_void, policy: *const Policy) -> c_int;
    fn srtp_dealloc(session: *mut c_void) -> c_int;
    fn srtp_protect(session: *mut c_void, packet: *mut u8, len: *mut c_int) -> c_int;
    fn srtp_unprotect(session: *mut c_void, packet: *mut u8, len: *mut c_int) -> c_int;
    fn srtp_crypto_policy_set_aes_gcm_128_16_auth(policy: *mut CryptoPolicy);
    fn srtp_crypto_policy_set_aes_gcm_256_16_auth(policy: *mut CryptoPolicy);
}

/// Which AES.
#[derive(Clone, Copy)]
pub enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
}

/// Starts the library; to be called once.
pub fn init() {
    // SAFETY: nothing else runs in this program yet.
    assert_eq!(unsafe { srtp_init() }, 0, "libsrtp2 starts");
}

/// A session for one direction.
pub struct Srtp(*mut c_void);

impl Srtp {
    pub fn new(cipher: Cipher, inbound: bool) -> Self {
        let (mut rtp, master) = (CryptoPolicy::default(), [7_u8; MASTER]);
        // SAFETY: the pointer is to a policy of the header's layout, which the function fills.
        unsafe {
            match cipher {
                Cipher::Aes128Gcm => srtp_crypto_policy_set_aes_gcm_128_16_auth(&raw mut rtp),
                Cipher::Aes256Gcm => srtp_crypto_policy_set_aes_gcm_256_16_auth(&raw mut rtp),
            }
        }
        let policy = Policy {
            // `ssrc_any_inbound` is 2, `ssrc_any_outbound` 3.
            ssrc_type: if inbound { 2 } else { 3 },
            ssrc_value: 0,
            rtp,
            rtcp: rtp,
            key: master.as_ptr(),
            keys: null(),
            num_master_keys: 0,
            deprecated_ekt: null(),
            window_size: 1_024,
            allow_repeat_tx: 0,
            enc_xtn_hdr: null(),
            enc_xtn_hdr_count: 0,
            next: null(),
        };
        let mut session = null_mut();
        // SAFETY: the policy and its key of at least the cipher's length outlive the call, which copies them.
        let status = unsafe { srtp_create(&raw mut session, &raw const policy) };
        assert_eq!(status, 0, "libsrtp2 has this cipher");
        Self(session)
    }

    /// Protects a packet of `len` bytes at the front of the buffer; gives the new length.
    pub fn protect(&mut self, buf: &mut [u8], len: usize) -> usize {
        assert!(len + TRAILER <= buf.len());
        let mut len = c_int::try_from(len).expect("packets are short");
        // SAFETY: the session is live, and the buffer has room for the longest trailer behind the packet.
        let status = unsafe { srtp_protect(self.0, buf.as_mut_ptr(), &raw mut len) };
        assert_eq!(status, 0, "a fresh packet is protected");
        usize::try_from(len).expect("a length is not negative")
    }

    /// Unprotects a packet in place; gives the new length.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> usize {
        let mut len = c_int::try_from(packet.len()).expect("packets are short");
        // SAFETY: the session is live, and the packet has the length that is told.
        let status = unsafe { srtp_unprotect(self.0, packet.as_mut_ptr(), &raw mut len) };
        assert_eq!(status, 0, "a fresh packet is unprotected");
        usize::try_from(len).expect("a length is not negative")
    }
}

impl Drop for Srtp {
    fn drop(&mut self) {
        // SAFETY: the session was created once and is given back once.
        unsafe { srtp_dealloc(self.0) };
    }
}
