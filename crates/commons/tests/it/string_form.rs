use pip_services_commons::config::ConfigParams;

type Items<'a> = &'a [(&'a str, Option<&'a str>)];

#[test]
fn a_line_is_read_as_the_node_port_reads_it() {
    let table: [(&str, &str, Items<'_>); 12] = [
        ("an empty line", "", &[]),
        ("items", "a=1;b=2", &[("a", Some("1")), ("b", Some("2"))]),
        ("nothing between two semicolons", ";a=1;;b=2;", &[("a", Some("1")), ("b", Some("2"))]),
        ("key and value are trimmed", " a = 1 ", &[("a", Some("1"))]),
        ("no equals sign is a null", "b", &[("b", None)]),
        ("a null is trimmed", " b ", &[("b", None)]),
        ("no value is an empty one", "e=", &[("e", Some(""))]),
        ("an equals sign at the start is part of the key", "=x", &[("=x", None)]),
        ("but not after a space", " =x", &[("", Some("x"))]),
        ("the first equals sign splits", "d=1=2", &[("d", Some("1=2"))]),
        ("space alone is a null without a name", " ", &[("", None)]),
        ("a repeated key overwrites", "a=1;a=2", &[("a", Some("2"))]),
    ];
    for (what, line, expected) in table {
        let config = ConfigParams::from_string(line);
        assert_eq!(config.iter().collect::<Vec<_>>(), expected, "{what}");
    }
}

/// Other ports have no quotes, so that a value with a semicolon does not come back there.
#[test]
fn quotes_hold_what_could_not_be_read_otherwise() {
    let table: [(&str, &str, Items<'_>); 12] = [
        ("semicolons and equals signs", r#"a="1;2=3""#, &[("a", Some("1;2=3"))]),
        ("a quoted key", r#""k;=" = 1"#, &[("k;=", Some("1"))]),
        ("a quoted null", r#""k;=""#, &[("k;=", None)]),
        ("a key without a name", r#"""=1"#, &[("", Some("1"))]),
        ("space within is kept, around it not", r#"a= " x " ;b=2"#, &[("a", Some(" x ")), ("b", Some("2"))]),
        ("an escaped quote and backslash", r#"a="say \"hi\" \\""#, &[("a", Some(r#"say "hi" \"#))]),
        ("escaped line breaks and tabs", r#"a="\n\r\t""#, &[("a", Some("\n\r\t"))]),
        ("another escape is the character itself", r#"a="\x""#, &[("a", Some("x"))]),
        ("a quote in the middle is ordinary", r#"a=x"y"#, &[("a", Some("x\"y"))]),
        (
            "one that is never closed is ordinary",
            r#"a="open;b=1"#,
            &[("a", Some("\"open")), ("b", Some("1"))],
        ),
        ("one that something follows is ordinary", r#"a="1"2"#, &[("a", Some("\"1\"2"))]),
        ("an escape at the end closes nothing", r#"a="1\"#, &[("a", Some("\"1\\"))]),
    ];
    for (what, line, expected) in table {
        let config = ConfigParams::from_string(line);
        assert_eq!(config.iter().collect::<Vec<_>>(), expected, "{what}");
        assert_eq!(ConfigParams::from_string(&config.to_config_string()), config, "{what}, written and read");
    }
}

#[test]
fn a_line_is_written_plainly_where_that_reads_back() {
    let table: [(&str, Items<'_>, &str); 8] = [
        ("no parameters", &[], ""),
        ("plain items", &[("a", Some("1")), ("b", Some("x y"))], "a=1;b=x y"),
        ("a null is its key alone", &[("a", None)], "a"),
        ("an empty value is quoted", &[("a", Some(""))], r#"a="""#),
        ("an equals sign in a value is plain", &[("a", Some("1=2"))], "a=1=2"),
        ("an equals sign in a key is not", &[("a=b", Some("1"))], r#""a=b"=1"#),
        ("a semicolon is quoted", &[("a", Some("1;2"))], r#"a="1;2""#),
        ("space at the edge is quoted", &[("a", Some(" \t\r\n"))], r#"a=" \t\r\n""#),
    ];
    for (what, items, expected) in table {
        let config = ConfigParams::from_tuples(items.iter().copied());
        assert_eq!(config.to_config_string(), expected, "{what}");
        assert_eq!(ConfigParams::from_string(expected), config, "{what}, read back");
    }
}
