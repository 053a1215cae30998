use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::service::Service;

/// A configuration file that the console's logger tells of.
struct File(TempDir);

impl File {
    fn new(components: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logger = "- descriptor: pip-services:logger:console:default:1.0\n  level: trace\n";
        fs::write(folder.path().join("config.yml"), [logger, components].concat()).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("config.yml")
    }

    /// A service of this file.
    fn start(&self, test: &str, threads: usize, more: &[&str]) -> Service {
        let path = self.path();
        let arguments = [&["--config", path.to_str().unwrap()], more].concat();
        Service::start(&format!("process_container::own_process::{test}"), threads, &arguments)
    }
}

#[test]
fn sigint_and_sigterm_close_the_components_in_reverse_and_the_exit_code_is_0() {
    let file = File::new("- descriptor: test:part:default:a:1.0\n- descriptor: test:part:default:b:1.0\n");
    for name in ["INT", "TERM"] {
        let mut service =
            file.start("sigint_and_sigterm_close_the_components_in_reverse_and_the_exit_code_is_0", 2, &[]);
        service.wait_for("Container tests started");
        service.signal(name);
        let ended = service.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let closed: Vec<_> = ended.written.lines().filter(|line| line.starts_with("close ")).collect();
        assert_eq!(closed, ["close b", "close a"]);
        // The correlation id is the name of the process.
        for part in [format!("SIG{name}: stopping"), "Container tests stopped".into()] {
            let line = ended.written.lines().find(|line| line.contains(&part)).unwrap();
            assert!(line.starts_with("[tests:INFO:"), "{line}");
        }
    }
}

#[test]
fn help_is_written_to_standard_output_and_nothing_is_read() {
    let test = "process_container::own_process::help_is_written_to_standard_output_and_nothing_is_read";
    let ended = Service::start(test, 2, &["--config", "/nowhere/config.yml", "--help"]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for option in ["-c, --config PATH", "-p, --param KEY=VALUE", "-h, --help"] {
        assert!(ended.written.contains(option), "{ended:?}");
    }
}

#[test]
fn parameters_come_from_the_environment_and_arguments_go_over_it() {
    let test = "parameters_come_from_the_environment_and_arguments_go_over_it";
    let file = File::new("- descriptor: test:part:default:{{GIVEN_BY_ENVIRONMENT}}:1.0\n  fails: open\n");
    let cases: [(&[&str], &str); 4] = [
        (&[], "environment"),
        (&["-p", "GIVEN_BY_ENVIRONMENT=argument"], "argument"),
        // Their case does not matter.
        (&["--param", "given_by_environment=argument"], "argument"),
        (&["-p", "GIVEN_BY_ENVIRONMENT=first", "-p", "GIVEN_BY_ENVIRONMENT=last"], "last"),
    ];
    for (arguments, expected) in cases {
        let ended = file.start(test, 2, arguments).end();
        assert!(ended.written.contains(&format!("create {expected}\n")), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn what_is_wrong_in_the_file_is_told_with_its_path_the_entry_and_the_component() {
    let a = "- descriptor: test:part:default:a:1.0\n";
    let cases = [
        (
            format!("{a}  fails: configure\n  category: Misconfiguration\n"),
            2,
            "{path}: entry 2 (test:part:default:a:1.0): BAD_PART: configure failed",
        ),
        (
            format!("{a}  fails: link\n  category: Misconfiguration\n"),
            2,
            "{path}: entry 2 (test:part:default:a:1.0): BAD_PART: link failed",
        ),
        (
            format!("{a}  needs: [\"test:part:broken:x:1.0\"]\n"),
            2,
            "{path}: test:part:broken:x:1.0, required by entry 2 (test:part:default:a:1.0): CANNOT_CREATE: cannot create test:part:broken:x:1.0: broken",
        ),
        ("- descriptor: test:part\n".into(), 2, "BAD_DESCRIPTOR: {path}: entry 2 (test:part): "),
        ("- [\n".into(), 2, "READ_FAILED: cannot read '{path}', line "),
        (
            "- descriptor: {{GIVEN_BY_NOBODY}}\n".into(),
            2,
            "UNDEFINED_VARIABLE: cannot read '{path}', line 3: ",
        ),
        // What is not the file's fault.
        (format!("{a}  fails: open\n"), 1, "test:part:default:a:1.0: NO_PART: open failed"),
    ];
    for (components, code, expected) in cases {
        let test = "what_is_wrong_in_the_file_is_told_with_its_path_the_entry_and_the_component";
        let file = File::new(&components);
        let ended = file.start(test, 2, &[]).end();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let expected = expected.replace("{path}", file.path().to_str().unwrap());
        assert!(ended.written.contains(&format!("tests: {expected}")), "'{expected}': {}", ended.written);
    }
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_path() {
    let test = "process_container::own_process::a_file_that_is_not_there_is_told_with_its_path";
    let ended = Service::start(test, 2, &["-c", "/nowhere/config.yml"]).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.written.contains("tests: READ_FAILED: cannot read '/nowhere/config.yml': "), "{ended:?}");
}

#[test]
fn a_signal_stops_an_opening_that_hangs() {
    let file = File::new("- descriptor: test:part:default:a:1.0\n  hangs: open\n");
    let mut service = file.start("a_signal_stops_an_opening_that_hangs", 2, &[]);
    service.wait_for("open a");
    service.signal("INT");
    let ended = service.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.written.ends_with("close a\nunlink a"), "{ended:?}");
}

/// Also on runtimes with a single thread, which the component keeps.
#[test]
fn a_second_signal_ends_the_process_at_once_whatever_hangs_or_blocks() {
    let test = "a_second_signal_ends_the_process_at_once_whatever_hangs_or_blocks";
    let cases = [
        ("blocks", "open", 2),
        ("blocks", "open", 0),
        ("hangs", "close", 2),
        ("blocks", "close", 1),
        ("blocks", "close", 0),
    ];
    for (fault, step, threads) in cases {
        let file = File::new(&format!("- descriptor: test:part:default:a:1.0\n  {fault}: {step}\n"));
        let mut service = file.start(test, threads, &[]);
        if step == "close" {
            service.wait_for("Container tests started");
            service.signal("TERM");
            service.wait_for("close a");
        } else {
            service.wait_for("open a");
            service.signal("TERM");
        }
        service.signal("INT");
        let ended = service.end();
        assert_eq!(ended.code, Some(130), "{fault} {step} {threads}: {ended:?}");
    }
}

#[test]
fn a_component_that_keeps_its_thread_in_close_is_given_up_and_named_and_the_process_ends() {
    let file = File::new(
        "- descriptor: pip-services:context-info:default:default:1.0
  name: tests
  options:
    close_timeout: 50
- descriptor: test:part:default:a:1.0
- descriptor: test:part:default:b:1.0
  blocks: close
",
    );
    let mut service = file.start(
        "a_component_that_keeps_its_thread_in_close_is_given_up_and_named_and_the_process_ends",
        2,
        &[],
    );
    service.wait_for("started");
    service.signal("TERM");
    let ended = service.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        "Cannot close test:part:default:b:1.0",
        "tests: test:part:default:b:1.0: CLOSE_TIMEOUT: not closed within 50 ms",
        "close a",
    ] {
        assert!(ended.written.contains(part), "'{part}' is not in: {}", ended.written);
    }
}

#[test]
fn a_component_that_keeps_its_thread_when_another_does_not_open_is_given_up_too() {
    let file = File::new(
        "- descriptor: pip-services:context-info:default:default:1.0
  options:
    close_timeout: 50
- descriptor: test:part:default:a:1.0
  blocks: close
- descriptor: test:part:default:b:1.0
  fails: open
",
    );
    let test = "a_component_that_keeps_its_thread_when_another_does_not_open_is_given_up_too";
    let ended = file.start(test, 2, &[]).end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in
        ["Cannot close test:part:default:a:1.0", "tests: test:part:default:b:1.0: NO_PART: open failed"]
    {
        assert!(ended.written.contains(part), "'{part}' is not in: {}", ended.written);
    }
}

#[test]
fn a_secret_is_never_written() {
    let part = "- descriptor: test:part:default:a:1.0\n";
    let filled_in = format!("{part}  credential:\n    password: {{{{PASSWORD}}}}\n");
    let cases = [
        // A component that tells its whole configuration when it fails.
        (
            format!("{filled_in}  tells: all\n  fails: configure\n  category: Misconfiguration\n"),
            "hunter2",
            2,
        ),
        (format!("{filled_in}  tells: all\n  fails: open\n"), "hunter2", 1),
        // What is no YAML once it is filled in.
        (filled_in.clone(), "hunter2: [", 2),
        (filled_in.clone(), "*hunter2", 2),
        (filled_in.clone(), "'hunter2", 2),
        (filled_in.clone(), "!!int hunter2", 2),
        (filled_in, "\"\\hunter2\"", 2),
    ];
    for (components, secret, code) in cases {
        let file = File::new(&components);
        let parameter = format!("PASSWORD={secret}");
        let ended = file.start("a_secret_is_never_written", 2, &["--param", &parameter]).end();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.written.contains("tests: ") && !ended.written.contains("hunter2"), "{ended:?}");
    }
    let file = File::new(part);
    for usage in [
        ["--parameter=PASSWORD=hunter2"].as_slice(),
        &["-p", "A=1", "PASSWORD=hunter2"],
        &["-p", "PASSWORD=", "hunter2"],
        &["-pPASSWORD=hunter2"],
    ] {
        let ended = file.start("a_secret_is_never_written", 2, usage).end();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.written.contains("tests: ") && !ended.written.contains("hunter2"), "{ended:?}");
    }
}
