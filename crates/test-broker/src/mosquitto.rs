//! The Mosquitto process.

use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::port;
use crate::process::{POLL_INTERVAL, Process};
use crate::settings::{Settings, Tls, User};
use crate::{BrokerError, Engine};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long one attempt to get an answer takes; the next one may find the broker further on.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Files of the broker's folder.
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const CLIENT_CA: &str = "client-ca.pem";
const SOCKET: &str = "socket";

const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Folders of daemons, which are not in every user's `PATH`.
const DAEMON_FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];

/// A Mosquitto of its own configuration, all of whose files are in one folder.
#[derive(Debug)]
pub(crate) struct MosquittoBroker {
    process: Process,
}

impl MosquittoBroker {
    pub(crate) fn start(settings: &Settings, folder: &Path, port: u16) -> Result<Self, BrokerError> {
        let password_file = folder.join("passwords");
        if !settings.users.is_empty() && !password_file.exists() {
            write_password_file(&settings.users, &password_file)?;
        }
        if let Some(tls) = &settings.tls {
            write_tls_files(tls, folder)?;
        }
        let socket = (settings.websocket || settings.tls.is_some()).then(|| folder.join(SOCKET));
        let mut config = config(settings, folder, &password_file, port, socket.as_deref());
        if !settings.denied.is_empty() {
            let file = folder.join("access");
            fs::write(&file, access(settings)).map_err(BrokerError::io("write Mosquitto's access list"))?;
            config = format!("{config}acl_file {}\n", file.display());
        }
        Self::run(&config, folder, port, socket.as_deref())
    }

    fn run(config: &str, folder: &Path, port: u16, socket: Option<&Path>) -> Result<Self, BrokerError> {
        let program = find("mosquitto")?;
        let config_file = folder.join("mosquitto.conf");
        fs::write(&config_file, config).map_err(BrokerError::io("write Mosquitto's configuration"))?;

        // Complaints about the configuration come before any log file is open, so the log goes to the error stream
        // and that to the file.
        let log_file = folder.join("mosquitto.log");
        let log = File::create(&log_file).map_err(BrokerError::io("create Mosquitto's log"))?;
        let process = Process::spawn(
            Command::new(program)
                .arg("-c")
                .arg(&config_file)
                .current_dir(folder)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log),
            folder,
        )
        .map_err(BrokerError::io("run Mosquitto"))?;
        let mut broker = Self { process };
        broker.wait_until_it_answers(port, socket, &log_file)?;
        Ok(broker)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn stop(mut self) -> Result<(), BrokerError> {
        // A frozen process would not see the signal.
        let ended = self
            .process
            .thaw()
            .and_then(|()| self.process.terminate(STOP_TIMEOUT))
            .map_err(BrokerError::io("stop Mosquitto"))?;
        self.process.kill().map_err(BrokerError::io("kill Mosquitto"))?;
        if ended { Ok(()) } else { Err(BrokerError::Stop { engine: Engine::Mosquitto }) }
    }

    pub(crate) fn crash(mut self) -> Result<(), BrokerError> {
        self.process.kill().map_err(BrokerError::io("kill Mosquitto"))
    }

    pub(crate) fn freeze(&self) -> Result<(), BrokerError> {
        self.process.freeze().map_err(BrokerError::io("freeze Mosquitto"))
    }

    pub(crate) fn thaw(&self) -> Result<(), BrokerError> {
        self.process.thaw().map_err(BrokerError::io("thaw Mosquitto"))
    }

    /// Returns when Mosquitto answers. That it is this process which answers is certain because nobody listened on the
    /// port when it was started.
    fn wait_until_it_answers(
        &mut self,
        port: u16,
        socket: Option<&Path>,
        log_file: &Path,
    ) -> Result<(), BrokerError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !answers(port, socket) {
            if let Some(status) = self.process.ended().map_err(BrokerError::io("wait for Mosquitto"))? {
                return Err(why_it_ended(status, port, log_file));
            }
            if Instant::now() >= deadline {
                let reason = format!("nothing answers on port {port}; its log:\n{}", read_log(log_file));
                return Err(failed(reason));
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

/// Whether a broker says anything to a client, be it that it is refused.
///
/// To be able to connect is not enough: Mosquitto listens a little before its main loop begins, and in between it
/// overhears the signal to stop.
///
/// On the socket, if there is one, as the port then speaks something else.
fn answers(port: u16, socket: Option<&Path>) -> bool {
    // A new session without a name, of version 3.1.1.
    const CONNECT: &[u8] = b"\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0";
    fn ask(mut stream: impl io::Read + io::Write) -> io::Result<bool> {
        stream.write_all(CONNECT)?;
        Ok(stream.read(&mut [0])? > 0)
    }
    let answered = match socket {
        #[cfg(unix)]
        Some(socket) => std::os::unix::net::UnixStream::connect(socket).and_then(|stream| {
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            ask(stream)
        }),
        _ => TcpStream::connect(port::address(port)).and_then(|stream| {
            stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            ask(stream)
        }),
    };
    answered.unwrap_or(false)
}

fn why_it_ended(status: ExitStatus, port: u16, log_file: &Path) -> BrokerError {
    let log = read_log(log_file);
    if log.contains("Address already in use") {
        return BrokerError::PortInUse { engine: Engine::Mosquitto, port };
    }
    failed(format!("{status}; its log:\n{log}"))
}

fn failed(reason: String) -> BrokerError {
    BrokerError::Start { engine: Engine::Mosquitto, reason }
}

fn read_log(log_file: &Path) -> String {
    match fs::read(log_file) {
        Ok(log) => String::from_utf8_lossy(&log).into_owned(),
        Err(error) => format!("(the log cannot be read: {error})"),
    }
}

fn config(
    settings: &Settings,
    folder: &Path,
    password_file: &Path,
    port: u16,
    socket: Option<&Path>,
) -> String {
    let mut listener = format!("listener {port} 127.0.0.1\n");
    if settings.websocket {
        listener += "protocol websockets\n";
    }
    if let Some(tls) = &settings.tls {
        let file = |name: &str| folder.join(name).display().to_string();
        listener += &format!("certfile {}\nkeyfile {}\n", file(CERTIFICATE), file(KEY));
        if tls.client_ca.is_some() {
            listener += &format!("cafile {}\nrequire_certificate true\n", file(CLIENT_CA));
        }
    }
    if let Some(socket) = socket {
        // For the question whether it answers; and with WebSocket alone Mosquitto 2.0.11 does not start.
        listener += &format!("listener 0 {}\n", socket.display());
    }
    let max_inflight = settings.max_inflight;
    // Zero means no limit: above its limits Mosquitto drops messages with no more than a line in the log.
    let mut config = format!(
        "{listener}\
         log_dest stderr\n\
         set_tcp_nodelay true\n\
         sys_interval 0\n\
         max_inflight_messages {max_inflight}\n\
         max_queued_messages 0\n\
         max_queued_bytes 0\n\
         # Started by root it would become another user, who cannot read this folder.\n\
         user root\n"
    );
    // Writing to a string does not fail.
    let _ = if settings.users.is_empty() {
        writeln!(config, "allow_anonymous true")
    } else {
        writeln!(config, "allow_anonymous false\npassword_file {}", password_file.display())
    };
    let _ = if settings.persistent {
        // One change is enough to save, as soon as it was answered. A message that goes straight to a subscriber is
        // no change for Mosquitto, though, until the subscriber has acknowledged it: nothing makes it count.
        writeln!(
            config,
            "persistence true\npersistence_location {}/\nautosave_on_changes true\nautosave_interval 1",
            folder.display()
        )
    } else {
        writeln!(config, "persistence false")
    };
    config
}

fn write_tls_files(tls: &Tls, folder: &Path) -> Result<(), BrokerError> {
    let client_ca = tls.client_ca.as_ref().map(|certificate| (CLIENT_CA, certificate));
    for (name, pem) in [(CERTIFICATE, &tls.certificate), (KEY, &tls.key)].into_iter().chain(client_ca) {
        fs::write(folder.join(name), pem).map_err(BrokerError::io("write a certificate"))?;
    }
    Ok(())
}

/// What everybody may do: first who has no name, then each user.
fn access(settings: &Settings) -> String {
    let mut rules = "topic readwrite #\n".to_owned();
    for topic in &settings.denied {
        // Writing to a string does not fail.
        let _ = writeln!(rules, "topic deny {topic}");
    }
    let users = settings.users.iter().map(|user| format!("user {}\n{rules}", user.name));
    std::iter::once(rules.clone()).chain(users).collect()
}

/// Has Mosquitto's own tool write the file, user by user. Its mode for whole files cuts passwords at a colon.
fn write_password_file(users: &[User], file: &Path) -> Result<(), BrokerError> {
    let tool = find("mosquitto_passwd")?;
    File::create(file).map_err(BrokerError::io("create the password file"))?;
    for user in users {
        let output = Command::new(&tool)
            .arg("-b")
            .arg(file)
            .args([&user.name, &user.password])
            .stdin(Stdio::null())
            .output()
            .map_err(BrokerError::io("run mosquitto_passwd"))?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(failed(format!("mosquitto_passwd for user '{}': {}", user.name, reason.trim())));
        }
    }
    Ok(())
}

fn find(program: &'static str) -> Result<PathBuf, BrokerError> {
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(env::split_paths(&path).chain(DAEMON_FOLDERS.map(PathBuf::from)), program)
}

fn find_in(
    mut folders: impl Iterator<Item = PathBuf>,
    program: &'static str,
) -> Result<PathBuf, BrokerError> {
    folders
        .find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
        .ok_or(BrokerError::NotInstalled { program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_mosquitto_is_an_error_that_says_how_to_install_it() {
        let empty = tempfile::tempdir().unwrap();
        let error = find_in([empty.path().to_owned()].into_iter(), "mosquitto").unwrap_err();
        assert_eq!(error.to_string(), "'mosquitto' is not installed; run `.ci/install mosquitto`");
    }

    #[test]
    fn a_program_is_found_in_the_first_folder_that_has_it() {
        let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(full.path().join("mosquitto"), "").unwrap();
        let folders = [empty.path().to_owned(), full.path().to_owned()];
        assert_eq!(find_in(folders.into_iter(), "mosquitto").unwrap(), full.path().join("mosquitto"));
    }

    #[test]
    fn a_mosquitto_that_ends_at_once_is_an_error_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let port = port::Port::reserve().unwrap();
        let error =
            MosquittoBroker::run("no_such_setting true\n", folder.path(), port.number(), None).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, BrokerError::Start { .. }), "{text}");
        assert!(text.contains("no_such_setting"), "the log is not in: {text}");
    }
}
