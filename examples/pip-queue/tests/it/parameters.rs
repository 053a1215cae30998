use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, process::Command};

use pip_services_tests::{Ended, run};

use crate::shop::bare;

/// Counts the messages of the one queue of a file, which is named by parameter; the error tells the name.
fn queue_name(arguments: &[&str], environment: impl FnOnce(&mut Command)) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yml");
    fs::write(&file, "- descriptor: pip-services:message-queue:memory:{{QUEUE_NAME}}:1.0").unwrap();
    let mut command = bare("count");
    command.arg("-c").arg(&file).args(["-q", "a:b:c:d:e"]).args(arguments);
    environment(&mut command);
    run(&mut command)
}

fn assert_named(ended: &Ended, name: &str) {
    let listed = format!("pip-services:message-queue:memory:{name}:1.0");
    assert!(ended.stderr.contains(&listed), "{ended:?}");
}

#[test]
fn parameters_come_from_the_environment_and_arguments_go_over_it_in_any_case() {
    let in_environment = |command: &mut Command| {
        command.env("QUEUE_NAME", "environment");
    };
    assert_named(&queue_name(&[], in_environment), "environment");
    for name in ["QUEUE_NAME", "queue_name"] {
        assert_named(&queue_name(&["--param", &format!("{name}=argument")], in_environment), "argument");
    }
    assert_named(&queue_name(&["-p", "QUEUE_NAME=first", "-p", "QUEUE_NAME=last"], |_| {}), "last");
}

#[test]
fn an_environment_that_is_no_unicode_does_no_harm() {
    let ended = queue_name(&["-p", "QUEUE_NAME=orders"], |command| {
        command.env("STRANGE", OsStr::from_bytes(b"\xff"));
    });
    assert_named(&ended, "orders");
}
