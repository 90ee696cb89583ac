//! Asking the person at the terminal; a script has none, and is told what to pass instead.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::failure::Failure;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const CLEAR: u8 = 0x15;

pub(crate) fn ask(question: &str, instead: &str) -> Result<String, Failure> {
    prompt(question, instead)?;
    first_line()
}

/// Without an echo.
pub(crate) fn ask_secret(question: &str, instead: &str) -> Result<String, Failure> {
    prompt(question, instead)?;
    let typed = {
        let _quiet = Quiet::new().map_err(unusable)?;
        read_quietly()
    };
    let _ = writeln!(io::stderr());
    typed
}

pub(crate) fn confirm(question: &str, instead: &str) -> Result<bool, Failure> {
    let answer = ask(&format!("{question} [y/N] "), instead)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The first line of standard input, whoever writes there.
pub(crate) fn first_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(unusable)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn prompt(question: &str, instead: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "nobody is at the terminal to be asked; {instead}"
        )));
    }
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    Ok(())
}

/// Signals are off as well: an end by Ctrl-C would leave the terminal without its echo.
fn read_quietly() -> Result<String, Failure> {
    let mut typed = Vec::new();
    for byte in io::stdin().lock().bytes() {
        match byte.map_err(unusable)? {
            b'\r' | b'\n' | END => break,
            INTERRUPT => return Err(Failure::Interrupted),
            CLEAR => typed.clear(),
            0x08 | 0x7f => {
                // A character, which may be several bytes.
                while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            byte => typed.push(byte),
        }
    }
    String::from_utf8(typed).map_err(|_| Failure::Usage("what was typed is not UTF-8".to_owned()))
}

/// The terminal without an echo, until this goes.
struct Quiet(Termios);

impl Quiet {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

fn unusable(error: io::Error) -> Failure {
    Failure::Usage(format!("standard input cannot be read: {error}"))
}
