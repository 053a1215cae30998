//! Topics and topic filters, by the rules of MQTT.

use pip_services_commons::errors::ApplicationError;

use crate::text::{LONGEST, is_forbidden};

/// Checks a topic that messages are published to.
pub(crate) fn check_topic(topic: &str) -> Result<(), ApplicationError> {
    if topic.contains(['+', '#']) {
        return Err(bad_topic(topic, "it has a wildcard, and messages cannot be sent to several topics"));
    }
    check_text(topic)
}

/// Checks a filter that a queue subscribes to.
pub(crate) fn check_filter(filter: &str) -> Result<(), ApplicationError> {
    check_text(filter)?;
    let local = local_filter(filter);
    if local.is_empty() || (filter.starts_with("$share/") && !is_shared(filter)) {
        return Err(bad_topic(filter, "a shared topic must be $share/<group>/<topic>"));
    }
    let levels: Vec<&str> = local.split('/').collect();
    let last = levels.len() - 1;
    let misplaced = |(index, level): (usize, &&str)| match *level {
        "+" => false,
        "#" => index != last,
        level => level.contains(['+', '#']),
    };
    match levels.iter().enumerate().any(misplaced) {
        true => Err(bad_topic(filter, "+ must be a whole level, and # the whole last level")),
        false => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), ApplicationError> {
    match text {
        "" => Err(bad_topic(text, "it is empty")),
        text if text.len() > LONGEST => {
            Err(bad_topic(&text[..text.floor_char_boundary(50)], "it has over 65535 bytes"))
        }
        // One that subscribes to such a topic would lose its connection again and again.
        text if text.contains(is_forbidden) => Err(bad_topic(text, "it has a control character")),
        _ => Ok(()),
    }
}

fn bad_topic(topic: &str, why: &str) -> ApplicationError {
    ApplicationError::bad_request(None, "BAD_TOPIC", format!("topic {topic:?} cannot be used: {why}"))
        .with_details("topic", topic)
}

/// Whether those who subscribe to the filter share its messages.
pub(crate) fn is_shared(filter: &str) -> bool {
    share_parts(filter).is_some()
}

/// Group and filter of a shared subscription.
fn share_parts(filter: &str) -> Option<(&str, &str)> {
    let (group, filter) = filter.strip_prefix("$share/")?.split_once('/')?;
    (!group.is_empty() && !group.contains(['+', '#']) && !filter.is_empty()).then_some((group, filter))
}

/// What arriving topics are matched against: the filter without the group of a shared subscription.
pub(crate) fn local_filter(filter: &str) -> &str {
    share_parts(filter).map_or(filter, |(_, filter)| filter)
}

/// Whether a topic matches a filter, which has to be a valid one.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let filter = local_filter(filter);
    if filter == topic {
        return true;
    }
    // A leading wildcard leaves out the broker's own topics.
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.as_bytes(), topic.as_bytes());
    loop {
        match (filter, topic) {
            ([b'#', ..], _) | ([b'/', b'#'], []) => return true,
            ([b'+', rest @ ..], _) => {
                let end = topic.iter().position(|byte| *byte == b'/').unwrap_or(topic.len());
                (filter, topic) = (rest, &topic[end..]);
            }
            ([one, filters @ ..], [other, levels @ ..]) if one == other => {
                (filter, topic) = (filters, levels)
            }
            _ => return filter.is_empty() && topic.is_empty(),
        }
    }
}

/// Whether a filter matches more than the one topic that is written like it, or another one.
pub(crate) fn is_pattern(filter: &str) -> bool {
    filter.contains(['+', '#']) || is_shared(filter)
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{hash_set, vec},
        prelude::*,
        sample::{Index, select},
    };

    use super::*;

    #[test]
    fn filters_match_as_the_specification_tells() {
        let cases = [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
            ("sport/#", "sport", true),
            ("#", "sport/tennis", true),
            ("+", "sport", true),
            ("+/tennis/#", "sport/tennis", true),
            ("+/tennis/#", "sport/tennis/player1/ranking", true),
            ("+/tennis/#", "sport/football", false),
            ("sport/+/player1", "sport/tennis/player1", true),
            ("sport/+/player1", "sport/player1", false),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/monitor", false),
            ("+/monitor", "$SYS/monitor", false),
            ("$SYS/#", "$SYS/monitor/clients", true),
            ("$SYS/monitor/+", "$SYS/monitor/clients", true),
            ("$SYS/#", "$SYS", true),
            ("ACCOUNTS", "Accounts", false),
            ("Accounts payable", "Accounts payable", true),
            ("finance", "/finance", false),
            ("finance", "finance/", false),
            ("/#", "/", true),
            ("/", "/", true),
            ("+/#", "/", true),
            ("a*", "ab", false),
            ("orders", "orders", true),
            ("orders", "Orders", false),
            ("orders", "orders/a", false),
            ("$share/consumer1/sport/tennis/+", "sport/tennis/player1", true),
            ("$share/consumer1//finance", "/finance", true),
            ("$share/consumer1//finance", "finance", false),
            ("$share/consumer1/#", "$SYS/monitor", false),
            ("$share/consumer1/$SYS/+", "$SYS/monitor", true),
            ("$share/g/orders/+", "orders/a", true),
            ("$share/g/orders", "$share/g/orders", false),
        ];
        for (filter, topic, expected) in cases {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn misplaced_wildcards_and_impossible_texts_are_refused() {
        for filter in [
            "",
            "a\0b",
            "a\nb",
            "\u{FFFE}",
            "sport/tennis/#/ranking",
            "sport/tennis#",
            "sport+",
            "a+/b",
            "##",
            "++",
            "+#",
            "$share/g",
            "$share//a",
            "$share/+/a",
            "$share/#/a",
            "$share/g/",
            "$share/g/a#",
        ] {
            assert_eq!(check_filter(filter).unwrap_err().code(), "BAD_TOPIC", "{filter:?}");
        }
        for filter in [
            "sport/tennis/#",
            "+",
            "+/tennis/#",
            "sport/+/player1",
            "a",
            "/",
            "a//b",
            "+/b/#",
            "#",
            "$share/g/a/+",
            "*",
        ] {
            assert!(check_filter(filter).is_ok(), "{filter}");
        }
        assert!(check_filter(&"a".repeat(65_536)).is_err());
        for topic in ["", "a/+", "#", "a\0", "a\u{7f}"] {
            assert_eq!(check_topic(topic).unwrap_err().code(), "BAD_TOPIC", "{topic:?}");
        }
    }

    /// Every filter that matches a topic, by the words of the specification: each level is itself or `+`, and `#`
    /// stands for any number of levels at the end, with none of which it is the parent.
    fn all_that_match(topic: &str) -> Vec<String> {
        let levels: Vec<&str> = topic.split('/').collect();
        let mut all = Vec::new();
        for kept in 0..=levels.len() {
            for plus in 0..1 << kept {
                let level = |index: usize| if plus & (1 << index) == 0 { levels[index] } else { "+" };
                let beginning: Vec<_> = (0..kept).map(level).collect();
                if kept == levels.len() {
                    all.push(beginning.join("/"));
                }
                all.push([&beginning[..], &["#"]].concat().join("/"));
            }
        }
        all.retain(|filter| !topic.starts_with('$') || filter.starts_with('$'));
        all
    }

    /// Topics of few different levels, so that filters often match.
    fn topic() -> impl Strategy<Value = String> {
        vec(select(&["a", "b", "", "$SYS", "$", "é*"][..]), 1..5)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("an empty topic is none", |topic| !topic.is_empty())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn exactly_the_filters_match_that_the_specification_allows(
            topics in hash_set(topic(), 1..4),
            chosen: Index,
            group in select(&["", "$share/g/", "$share/$SYS/", "$share/share/"][..]),
        ) {
            // A filter that matches one of them, and mostly not the others.
            let filters: Vec<_> = topics.iter().flat_map(|topic| all_that_match(topic)).collect();
            let filter = chosen.get(&filters);
            let subscribed = [group, filter].concat();
            prop_assert!(check_filter(&subscribed).is_ok(), "{}", subscribed);
            for topic in &topics {
                prop_assert!(check_topic(topic).is_ok(), "{}", topic);
                let expected = all_that_match(topic).contains(filter);
                prop_assert_eq!(matches(&subscribed, topic), expected, "{} {}", subscribed, topic);
            }
        }
    }
}
