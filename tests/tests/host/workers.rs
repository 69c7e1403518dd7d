//! Worker processes on a folder of their own.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A folder for segments, gone with its test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = loop {
            let name = format!("seawall-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                // Of a process that was killed, and had the same number.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => break made.map(|()| path).expect("a new folder"),
            }
        };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("our own folder");
        Folder(path)
    }

    /// A folder within, which is not made.
    pub fn inner(&self, name: &str) -> Folder {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("this folder")).expect("a new folder");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Two workers under one policy.
    pub fn pair(&self, policy: &str) -> (Worker, Worker) {
        let mut workers = (self.worker(), self.worker());
        for worker in [&mut workers.0, &mut workers.1] {
            assert_eq!(worker.ask(&format!("policy {policy}")), "ok");
        }
        workers
    }

    pub fn worker(&self) -> Worker {
        self.worker_with(&[])
    }

    pub fn worker_with(&self, variables: &[(&str, &str)]) -> Worker {
        let mut child = Command::new(env!("CARGO_BIN_EXE_host_worker"))
            .env("SEAWALL_HOST_DIR", &self.0)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a worker");
        let (input, output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        Worker { child, input, output: BufReader::new(output) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0).or_else(|_| std::fs::remove_file(&self.0));
    }
}

pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// The answer; empty if the worker is dead.
    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.hear()
    }

    /// Without waiting for the answer.
    pub fn tell(&mut self, command: &str) {
        // A dead worker is heard of by its silence.
        let _ = writeln!(self.input, "{command}").and_then(|()| self.input.flush());
    }

    pub fn hear(&mut self) -> String {
        let mut answer = String::new();
        let _ = self.output.read_line(&mut answer);
        answer.trim_end().to_owned()
    }

    pub fn snapshot(&mut self) -> Value {
        let text = self.ask("snapshot");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// Asks until the answer is the one expected, for five seconds.
    pub fn until(&mut self, command: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let answer = self.ask(command);
            if answer == expected {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{command}: {answer}, expected {expected}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The signal that ended it.
    pub fn signal_of_its_end(&mut self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&self.child.wait().expect("a child"))
    }

    pub fn stop(&self) {
        self.signal("STOP");
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send {name}");
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}
