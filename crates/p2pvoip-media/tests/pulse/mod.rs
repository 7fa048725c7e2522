//! A PulseAudio of the test's own: null sinks, whose monitors are microphones that hear what is played.
//!
//! The program `pulseaudio` is needed. Without it a test passes over itself and says so, unless `P2PVOIP_REQUIRE_PEERS=1`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "set-up of a test: a failure here fails it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A sound server that is ended when it is dropped.
pub(crate) struct Pulse {
    server: Child,
    folder: tempfile::TempDir,
}

impl Pulse {
    /// Starts one with these modules; `None` when the program is missing and that is allowed.
    pub(crate) fn start(modules: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("native");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--system=false"])
            .args(["--realtime=no", "--high-priority=no", "--log-level=error"])
            .arg(format!("--load=module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()))
            .args(modules.iter().map(|module| format!("--load={module}")))
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .env("PULSE_RUNTIME_PATH", folder.path())
            .env_remove("PULSE_SERVER")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let server = match command.spawn() {
            Ok(server) => server,
            Err(error) if std::env::var_os("P2PVOIP_REQUIRE_PEERS").is_none() => {
                eprintln!(
                    "passed over: `pulseaudio` cannot be started ({error}); install the package pulseaudio"
                );
                return None;
            }
            Err(error) => panic!("`pulseaudio` cannot be started ({error}); install the package pulseaudio"),
        };
        let pulse = Self { server, folder };
        // Fifteen seconds: a busy machine starts it late.
        for _ in 0..300 {
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                return Some(pulse);
            }
            thread::park_timeout(Duration::from_millis(50));
        }
        panic!("pulseaudio did not open its socket");
    }

    /// The environment of a program which uses this server and no other.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 4] {
        let mut address = std::ffi::OsString::from("unix:");
        address.push(self.folder.path().join("native"));
        let folder = || self.folder.path().to_owned();
        [
            ("PULSE_SERVER", address.into()),
            ("PULSE_RUNTIME_PATH", folder()),
            ("XDG_RUNTIME_DIR", folder()),
            ("HOME", folder()),
        ]
    }

    /// Ends the server, as when somebody pulls the plug.
    pub(crate) fn end(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.end();
    }
}
