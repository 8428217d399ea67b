//! Runs other programs to their end, within a time limit, and keeps their output.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How a program ended, with all that it wrote to both outputs, in order of arrival.
pub struct Ended {
    /// The exit status; `None` if the program was stopped at the time limit.
    pub status: Option<ExitStatus>,
    /// The output.
    pub output: String,
}

impl Ended {
    /// Whether the program ended by itself, with success.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// The ending in words, for an error.
    pub fn in_words(&self) -> String {
        match self.status {
            Some(status) => status.to_string(),
            None => "stopped: its time was up".to_owned(),
        }
    }
}

/// Runs a program to its end. Any ending but success is an error with the program's output.
pub fn run(command: &mut Command, limit: Duration) -> Result<String> {
    let ended = observe(command, limit)?;
    if !ended.succeeded() {
        bail!("`{}` ended with {}\n{}", shown(command), ended.in_words(), ended.output.trim_end());
    }
    Ok(ended.output)
}

/// Runs a program to its end. The only error is that the program cannot be started.
pub fn observe(command: &mut Command, limit: Duration) -> Result<Ended> {
    let (mut reader, writer) = std::io::pipe().context("no pipe")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().context("no pipe")?).stderr(writer);
    let spawned = command.spawn();
    // The reader ends only when all writing ends of the pipe are closed, and the command holds two.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawned.with_context(|| format!("`{}` cannot be started", shown(command)))?;

    let output = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&output);
    let reading = thread::spawn(move || {
        let mut chunk = [0; 16 * 1024];
        while let Ok(length @ 1..) = reader.read(&mut chunk) {
            sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..length]);
        }
    });
    let status = wait(&mut child, limit)?;
    // A daemon left behind by the program may hold the pipe open; its output is not waited for.
    let patience = Instant::now() + Duration::from_secs(2);
    while !reading.is_finished() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    let output = output.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Ended { status, output: String::from_utf8_lossy(&output).into_owned() })
}

/// Whether a program can be found on the `PATH`.
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    // SIGTERM first, so that the program can end its own children.
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let patience = Instant::now() + Duration::from_secs(10);
    while Instant::now() < patience {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_of_a_program_are_kept() -> Result<()> {
        let output = run(&mut shell("echo out; echo err >&2"), Duration::from_secs(10))?;
        assert_eq!(output, "out\nerr\n");
        Ok(())
    }

    #[test]
    fn a_failure_names_the_program_and_shows_its_output() {
        let error = run(&mut shell("echo why; exit 3"), Duration::from_secs(10)).map_err(|e| e.to_string());
        assert_eq!(error, Err("`sh -c echo why; exit 3` ended with exit status: 3\nwhy".to_owned()));
    }

    #[test]
    fn a_program_that_hangs_is_stopped() -> Result<()> {
        let started = Instant::now();
        let ended = observe(&mut shell("echo begun; exec sleep 60"), Duration::from_millis(300))?;
        assert!(ended.status.is_none() && ended.output == "begun\n");
        assert!(started.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    #[test]
    fn a_daemon_left_behind_does_not_hold_the_run_up() -> Result<()> {
        let started = Instant::now();
        let output = run(&mut shell("sleep 20 & echo done"), Duration::from_secs(15))?;
        assert_eq!(output, "done\n");
        assert!(started.elapsed() < Duration::from_secs(10));
        Ok(())
    }
}
