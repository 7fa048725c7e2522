//! The live view on a real terminal, which `script` (util-linux) provides: its keys, and that the terminal is given back.
#![cfg(target_os = "linux")]

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::{Running, caller, listener, program, server, without_configuration};
use crate::screen::Screen;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Reads of the terminal's output until something is on the screen: eight pictures a second make many.
const READS: u32 = 400;
/// Begins and ends the screen that the view draws on (xterm, private modes).
const ENTERS: &str = "\x1b[?1049h";
const LEAVES: &str = "\x1b[?1049l";
/// Runs the program between two looks at the terminal's settings.
/// The shell outlives a Ctrl-C that is meant for the program: with it the terminal would go, and what is still to be said.
const LOOK: &str = r#"trap : INT; stty rows 30 cols 100; stty -g
"$PROGRAM" $ARGUMENTS; code=$?; stty -g; echo "code=$code.""#;

/// The program on a terminal of its own.
struct Watched {
    child: Child,
    keys: ChildStdin,
    output: Receiver<Vec<u8>>,
    /// All that was written, whole characters or not.
    written: Vec<u8>,
    seen: String,
    /// Where [`Self::sees`] begins to look.
    from: usize,
}

impl Watched {
    fn start(arguments: &[&str]) -> Self {
        let program = program(&[]);
        let mut command = std::process::Command::new("script");
        command.args(["--quiet", "--command", LOOK, "/dev/null"]);
        command.env("PROGRAM", program.get_program()).env("ARGUMENTS", arguments.join(" "));
        command.env("TERM", "xterm").env("SHELL", "/bin/sh");
        without_configuration(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (keys, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (tell, output) = channel();
        std::thread::spawn(move || {
            let mut buf = [0; 4_096];
            while let Ok(len @ 1..) = from.read(&mut buf) {
                if tell.send(buf[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, keys, output, written: Vec::new(), seen: String::new(), from: 0 }
    }

    /// Waits until this was written.
    fn sees(&mut self, what: &str) {
        self.waits(what, |watched| watched.seen[watched.from..].contains(what));
    }

    /// Waits until this stands on the screen, of which a picture writes only what is not there yet.
    fn shows(&mut self, what: &str) {
        self.waits(what, |watched| Screen::of(&watched.seen).shows(what));
    }

    fn waits(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        for _ in 0..READS {
            if is_there(self) {
                return;
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(more) => self.written.extend(more),
                Err(error) => panic!("{what}: {error} after {:?}", self.seen),
            }
            self.seen = String::from_utf8_lossy(&self.written).into_owned();
        }
        panic!("{what} is not in {:?}", self.seen);
    }

    /// What was seen so far is not what is waited for from now on.
    fn looks_from_here(&mut self) {
        self.from = self.seen.len();
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end; what was printed after the view, which gave the terminal back as it was.
    fn ends(mut self, code: i32) -> String {
        self.sees(&format!("code={code}."));
        let looks: Vec<&str> = self.seen.lines().filter_map(settings).collect();
        assert!(matches!(looks[..], [before, after] if before == after), "{looks:?} in {:?}", self.seen);
        let (before, view) = self.seen.split_once(ENTERS).unwrap();
        let (_, after) = view.rsplit_once(LEAVES).unwrap();
        assert!(!before.contains(LEAVES) && !after.contains("\x1b[?25l"), "the cursor is there again");
        after.to_owned()
    }
}

/// What `stty -g` printed at the end of this line, if it did: numbers to the base 16 with colons between.
fn settings(line: &str) -> Option<&str> {
    let numbers = line.rsplit('h').next()?.trim();
    let only = numbers.chars().all(|letter| letter == ':' || letter.is_ascii_hexdigit());
    (only && numbers.matches(':').count() > 20).then_some(numbers)
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(card: &str, more: &[&str]) -> Watched {
    Watched::start(&[&["call", card, "--silent", "--throwaway", "--bind", "127.0.0.1"], more].concat())
}

#[test]
fn keys_mute_and_hang_up_and_the_plain_lines_come_afterwards() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut call = call(&card, &[]);
    listener.reach("connected");
    call.shows("playout");
    call.press("m");
    call.shows("MUTED");
    call.press("q");
    let after = call.ends(0);
    for line in ["Connected.", "Path: direct", "You ended the call."] {
        assert!(after.contains(line), "{line} in {after}");
    }
    assert_eq!(listener.expect("ended")["reason"], "peer-hung-up");
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_gives_the_terminal_back() {
    let (_server, url) = server();
    let (listener, card) = listener(&url, &[]);
    // The callee's process stands still, so that the first Ctrl-C has to wait.
    listener.signal("-STOP");
    let mut call = call(&card, &[]);
    call.shows("looking for the other side");
    call.press("\x03\x03");
    call.ends(130);
}

#[test]
fn the_other_sides_end_gives_the_terminal_back() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut call = call(&card, &["-v"]);
    listener.reach("connected");
    call.shows("playout");
    listener.signal("-INT");
    let after = call.ends(0);
    assert!(after.contains("keys are agreed"), "the log was kept for afterwards: {after}");
}

#[test]
fn a_call_rings_until_a_key_answers_it() {
    let (_server, url) = server();
    let mut listen = Watched::start(&[
        "listen",
        "--silent",
        "--throwaway",
        "--bind",
        "127.0.0.1",
        "--server",
        &url,
        "--ask",
        "--once",
    ]);
    listen.sees("▀▀▀");
    let card = listen.seen.lines().find_map(|line| line.trim().strip_prefix("p2pvoip:")).unwrap();
    let mut caller = caller(&format!("p2pvoip:{card}"), &[]);
    caller.reach("ringing");
    listen.shows("first contact, not verified");
    listen.press("a");
    caller.reach("connected");
    // The code is shown, the two have compared it, and it is the same.
    listen.shows("playout");
    listen.press("v");
    listen.shows("y  they match");
    listen.press("y");
    listen.shows("verified by words");
    caller.expect("path");
    caller.signal("-INT");
    listen.sees("Trust: verified by words.");
    let after = listen.ends(0);
    assert!(!after.contains("Code of this call"), "the code is of no use after the call: {after}");
    assert_eq!(caller.code(), 0);
}

#[test]
fn codes_that_differ_end_the_call_and_both_are_told_why() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut call = call(&card, &[]);
    listener.reach("connected");
    call.shows("playout");
    call.press("v");
    call.shows("n  they differ");
    call.press("n");
    let after = call.ends(5);
    assert!(after.contains("somebody may be listening in"), "{after}");
    assert!(!after.contains("another key"), "nobody knows that: {after}");
    assert_eq!(listener.expect("ended")["reason"], "code-differs");
    assert_eq!(listener.code(), 5);
}

#[test]
fn a_key_declines_and_the_caller_is_told() {
    let (_server, url) = server();
    let mut listen = Watched::start(&[
        "listen",
        "--silent",
        "--throwaway",
        "--bind",
        "127.0.0.1",
        "--server",
        &url,
        "--ask",
        "--once",
        "--no-qr",
    ]);
    listen.sees("p2pvoip:");
    listen.sees(&url);
    listen.sees("\r\n\r\n");
    let card = listen.seen.lines().find_map(|line| line.trim().strip_prefix("p2pvoip:")).unwrap();
    let caller = caller(&format!("p2pvoip:{card}"), &[]);
    listen.shows("first contact, not verified");
    listen.press("d");
    assert_eq!(caller.code(), 7);
    assert!(!listen.seen.contains('▀'));
    listen.ends(0);
}

#[test]
fn a_call_that_cannot_be_recorded_leaves_the_view_to_the_next_one() {
    let (_server, url) = server();
    let folder = tempfile::tempdir().unwrap();
    let (into, key) = (folder.path().join("heard"), folder.path().join("key"));
    std::fs::create_dir(&into).unwrap();
    let output = into.join("heard.wav");
    let fixed = ["listen", "--throwaway", "--bind", "127.0.0.1", "--server", &url, "--ask", "--no-qr"];
    let sound = ["--silent", "--output", output.to_str().unwrap()];
    let mut listen = Watched::start(&[&fixed[..], &sound].concat());
    listen.sees("\r\n\r\n");
    let card = listen.seen.lines().find_map(|line| line.trim().strip_prefix("p2pvoip:")).unwrap();
    let card = format!("p2pvoip:{card}");
    let call = || {
        let key = key.to_str().unwrap();
        Running::start(&["call", &card, "--silent", "--bind", "127.0.0.1", "--identity", key])
    };
    let first = call();
    listen.shows("first contact, not verified");
    std::fs::remove_dir_all(&into).unwrap();
    listen.press("a");
    listen.sees("error:");
    assert_eq!(first.code(), 7);
    listen.looks_from_here();
    let second = call();
    listen.sees(ENTERS);
    listen.shows("first contact, not verified");
    listen.press("\x03");
    assert_eq!(second.code(), 7);
    listen.ends(0);
}

#[test]
fn plain_lines_take_no_terminal() {
    let (_server, url) = server();
    let (mut listener, card) = listener(&url, &["--once"]);
    let mut call = call(&card, &["--plain"]);
    listener.reach("connected");
    call.sees("Connected.");
    call.press("\x03");
    call.sees("You ended the call.");
    assert!(!call.seen.contains(ENTERS));
}

#[test]
fn who_is_not_watched_is_not_asked() {
    let asked = program(&["listen", "--silent", "--ask", "--throwaway", "--server", "ws://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(asked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("needs a terminal"));
}
