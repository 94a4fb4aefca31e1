//! A node as a process of its own. Whatever becomes of the test that started
//! it, the process ends with it.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_statehouse");
/// Nothing here takes so long. Only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that another process does.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until the probe has something, and panics when it never has.
pub async fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A command as it is typed into a shell that finds the program: what it printed.
pub fn typed(line: &str, variables: &[(&str, SocketAddr)]) -> String {
    let beside = Path::new(PROGRAM).parent().expect("a directory");
    let path = format!("{}:{}", beside.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    without_ours(shell.args(["-c", line]).env("PATH", path).stdin(Stdio::null()));
    shell.envs(variables.iter().map(|(name, value)| (name, value.to_string())));
    let output = shell.output().expect("a shell");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "`{line}`: {}\n{out}{errors}", output.status);
    out.trim().to_owned()
}

/// No variable of whoever runs the tests decides where a command goes.
fn without_ours(command: &mut Command) {
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("STATEHOUSE_"));
    for name in ours {
        command.env_remove(name);
    }
}

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub data: SocketAddr,
    pub control: SocketAddr,
    pub metrics: SocketAddr,
}

impl Ports {
    fn read(file: &Path) -> Option<Ports> {
        let text = fs::read_to_string(file).ok()?;
        let lines = || text.lines().filter_map(|line| line.split_once(" = "));
        let at = |name: &str| {
            let (_, address) = lines().find(|(key, _)| *key == name)?;
            address.trim_matches('"').parse().ok()
        };
        Some(Ports { data: at("data")?, control: at("control")?, metrics: at("metrics")? })
    }
}

/// How a process is to be started. All it writes is below one directory.
#[derive(Clone, Debug)]
pub struct Launch {
    dir: PathBuf,
    args: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Launch {
    /// `statehouse` with these arguments and no others.
    pub fn plain(dir: &Path, args: &[&str]) -> Launch {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Launch { dir: dir.to_owned(), args, variables: Vec::new() }
    }

    /// A node whose data is `data` below the directory, on free ports, which
    /// ends without a lame duck.
    pub fn server(dir: &Path) -> Launch {
        let launch = Launch::plain(dir, &["server", "--quiet"]);
        let (data, ports) = (launch.data_dir(), launch.ports_file());
        let launch =
            launch.with("--data-dir").with(data.display()).with("--ports-file").with(ports.display());
        let free = ["data", "control", "peer", "metrics"].map(|name| format!("listen.{name}=127.0.0.1:0"));
        free.iter().fold(launch.set("drain.lame-duck=0s"), |launch, free| launch.set(free))
    }

    /// One more argument.
    pub fn with(mut self, arg: impl ToString) -> Launch {
        self.args.push(arg.to_string());
        self
    }

    /// One more key of the configuration.
    pub fn set(self, key: &str) -> Launch {
        self.with("--set").with(key)
    }

    /// One more variable of the environment.
    pub fn variable(mut self, name: &str, value: impl ToString) -> Launch {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn ports_file(&self) -> PathBuf {
        self.dir.join("ports.toml")
    }

    fn output(&self, name: &str) -> File {
        let path = self.dir.join(name);
        OpenOptions::new().create(true).append(true).open(path).expect("a file for what it says")
    }

    /// Starts the process and waits for nothing.
    pub fn spawn(&self) -> Process {
        // Of an earlier start: its addresses would look like readiness.
        let _ = fs::remove_file(self.ports_file());
        let mut command = Command::new(PROGRAM);
        command.args(&self.args).stdin(Stdio::null());
        command.stdout(self.output("stdout")).stderr(self.output("stderr"));
        without_ours(&mut command);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Process { child: command.spawn().expect("the program starts"), launch: self.clone() }
    }

    /// Starts a node and waits until it is ready.
    pub async fn start(&self) -> Node {
        let mut process = self.spawn();
        let at = until("a node that is ready", || match process.ended() {
            Some(status) => panic!("it ended instead ({status}):\n{}", process.errors()),
            None => Ports::read(&self.ports_file()),
        });
        let at = at.await;
        Node { process, at }
    }

    /// Runs the process to its end: its exit code, and what it said.
    pub async fn run(&self) -> Said {
        let mut process = self.spawn();
        let code = process.end().await.code();
        Said { code, out: process.said("stdout"), errors: process.errors() }
    }
}

/// What a process that has ended said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

/// A process, killed when dropped.
pub struct Process {
    child: Child,
    launch: Launch,
}

impl Process {
    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the state of our own child")
    }

    /// Waits for its end.
    pub async fn end(&mut self) -> ExitStatus {
        until("the end of the process", || self.ended()).await
    }

    /// Ends it as a power switch would, as far as a process can tell.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.child.wait().expect("the end of our own child");
    }

    /// `TERM`, `INT`, …
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success(), "{kill}: {status}");
    }

    /// What it holds of the machine's memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).expect("it lives");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line for it");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib * 1024
    }

    /// What it wrote to its standard output or error: `stdout`, `stderr`.
    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.launch.dir.join(name)).unwrap_or_default()
    }

    /// What it wrote to its standard error, earlier runs included.
    pub fn errors(&self) -> String {
        self.said("stderr")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A node that was ready.
pub struct Node {
    pub process: Process,
    pub at: Ports,
}
