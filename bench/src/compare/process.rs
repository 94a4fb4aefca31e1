//! A server as a process of ours: started in a directory of its own, ended by
//! its id when dropped.

use crate::Failure;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A start that takes longer has failed. Generous: recovery is a start, too.
const START_MAX: Duration = Duration::from_secs(120);
/// So does an end: it may wait for balancers.
const END_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// The unit of `/proc/PID/stat`: USER_HZ, 100 wherever Linux runs.
const TICKS_PER_S: f64 = 100.0;
/// What a failure shows of what the process said.
const TAIL_LINES: usize = 8;

/// A process. What it prints goes to a file in its directory.
pub struct Process {
    name: String,
    /// What it was started by, and may be again.
    command: Box<Command>,
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts a command in the directory, which is made if need be.
    pub fn start(name: &str, mut command: Command, dir: &Path) -> Result<Process, Failure> {
        std::fs::create_dir_all(dir)?;
        let output = dir.join("output");
        let file = File::create(&output)?;
        command.current_dir(dir).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().map_err(|error| format!("{name} does not start: {error}"))?;
        Ok(Process { name: name.to_owned(), command: Box::new(command), child, output })
    }

    /// Kills it; it is gone when this returns.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(&mut self) -> Result<(), Failure> {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status()?;
        if !asked.success() {
            return Err(format!("{} cannot be asked to end: {asked}", self.name).into());
        }
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > END_MAX {
                return Err(format!("{} has not ended in {END_MAX:?}: {}", self.name, self.tail()).into());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Starts one that has ended again, as it was started before.
    pub fn again(&mut self) -> Result<(), Failure> {
        self.child = self.command.spawn()?;
        Ok(())
    }

    /// Asks again and again until there is an answer, the process has ended, or
    /// it takes too long.
    pub async fn ready<T>(&mut self, mut probe: impl AsyncFnMut() -> Option<T>) -> Result<T, Failure> {
        let start = Instant::now();
        loop {
            if let Some(answer) = probe().await {
                return Ok(answer);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended, {status}: {}", self.name, self.tail()).into());
            }
            if start.elapsed() > START_MAX {
                return Err(format!("{} is not ready in {START_MAX:?}: {}", self.name, self.tail()).into());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn tail(&self) -> String {
        let said = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n  ")
    }

    /// CPU seconds that it has used so far, all threads together.
    pub fn cpu_s(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let ticks = ticks(&stat).ok_or("/proc/PID/stat has no times")?;
        Ok(ticks as f64 / TICKS_PER_S)
    }
}

impl Process {
    /// The most memory that it has held since the start, or since that was last
    /// forgotten.
    pub fn peak_rss_bytes(&self) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        Ok(kib.ok_or("/proc/PID/status has no peak")? * 1024)
    }

    /// From now on, the peak is what it holds now.
    pub fn forget_peak(&self) -> Result<(), Failure> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }
}

impl Drop for Process {
    /// A kill: what is acknowledged has to survive it anyway.
    fn drop(&mut self) {
        // Either fails only when the process has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time: the 14th and 15th field. The second is a name in
/// parentheses that may hold anything, so counting starts behind it.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// CPU seconds that the machine has used so far, by anybody.
pub fn machine_cpu_s() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let ticks = busy_ticks(&stat).ok_or("/proc/stat has no times")?;
    Ok(ticks as f64 / TICKS_PER_S)
}

/// Of the first line: user, nice and system, which stand before idle.
fn busy_ticks(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Vec<u64> = fields.take(3).map_while(|field| field.parse().ok()).collect();
    (ticks.len() == 3).then(|| ticks.iter().sum())
}

/// A port of the loopback that nobody has at the moment.
pub fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::{busy_ticks, ticks};

    #[test]
    fn the_machine_s_times_are_those_before_idle() {
        let rows = [
            ("cpu  10 2 30 4000 5 6 7\ncpu0 1 1 1 1\n", Some(42)),
            ("cpu  10 2", None),
            ("cpu0 1 2 3 4", None),
            ("", None),
        ];
        for (stat, expected) in rows {
            assert_eq!(busy_ticks(stat), expected, "{stat}");
        }
    }

    #[test]
    fn times_are_found_behind_any_name() {
        let rows = [
            ("12 (etcd) S 1 2 3 4 5 6 7 8 9 10 250 30 0 0 20 0", Some(280)),
            ("12 (a ) 9 (b) S 1 2 3 4 5 6 7 8 9 10 1 2 0 0", Some(3)),
            ("12 (etcd) S 1 2 3", None),
            ("", None),
        ];
        for (stat, expected) in rows {
            assert_eq!(ticks(stat), expected, "{stat}");
        }
    }
}
