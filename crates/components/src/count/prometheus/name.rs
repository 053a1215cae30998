use crate::count::CounterType;

/// A metric's name and labels, as they follow from the name of a counter.
#[derive(Debug, PartialEq)]
pub(super) struct Name {
    /// Without the suffixes that a type of metric brings.
    pub(super) family: String,
    pub(super) labels: Labels,
}

pub(super) type Labels = Vec<(&'static str, String)>;

impl Name {
    pub(super) fn new(counter: &str, counter_type: CounterType) -> Self {
        let parts: Vec<&str> = counter.split('.').collect();
        let label = |name, value: &str| (name, value.to_owned());
        let (base, labels) = match parts.as_slice() {
            ["queue", queue @ .., event] if !queue.is_empty() => {
                (format!("queue_{event}"), vec![("queue", queue.join("."))])
            }
            [service, command, event @ ("exec_count" | "exec_time" | "exec_errors")] => {
                ((*event).to_owned(), vec![label("service", service), label("command", command)])
            }
            [target, service, command, event @ ("call_count" | "call_time" | "call_errors")] => (
                (*event).to_owned(),
                vec![label("service", service), label("command", command), label("target", target)],
            ),
            _ => (counter.to_owned(), Labels::new()),
        };
        let base = allowed(&base);
        let family = match counter_type {
            CounterType::Increment => without(&base, "_total").to_owned(),
            CounterType::Interval => without(&base, "_seconds").to_owned(),
            CounterType::Timestamp => {
                format!("{}_timestamp", without(without(&base, "_seconds"), "_timestamp"))
            }
            CounterType::LastValue | CounterType::Statistics => base,
        };
        Self { family, labels }
    }
}

/// The text in small letters, with an underscore for each character that a name cannot have.
fn allowed(text: &str) -> String {
    let replaced = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let text: String = text.chars().map(replaced).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

/// The name without a suffix, which its type of metric will give it again.
fn without<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix).filter(|rest| !rest.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(counter: &str, counter_type: CounterType) -> String {
        let Name { family, labels } = Name::new(counter, counter_type);
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{family} {}", labels.join(","))
    }

    #[test]
    fn names_that_the_toolkit_gives_have_labels() {
        for (counter, expected) in [
            ("queue.orders.sent_messages", "queue_sent_messages queue=orders"),
            ("queue.Shop.orders.dropped_messages", "queue_dropped_messages queue=Shop.orders"),
            ("Orders.Create.exec_count", "exec_count service=Orders,command=Create"),
            ("http.Orders.Create.call_errors", "call_errors service=Orders,command=Create,target=http"),
            ("queue.length", "queue_length "),
            ("exec_count", "exec_count "),
        ] {
            assert_eq!(name(counter, CounterType::Increment), expected);
        }
    }

    #[test]
    fn what_a_name_cannot_have_becomes_an_underscore() {
        for (counter, expected) in
            [("Orders.size-max", "orders_size_max "), ("2.größe:a b", "_2_gr__e_a_b "), ("_total", "_total ")]
        {
            assert_eq!(name(counter, CounterType::Increment), expected);
        }
    }

    #[test]
    fn a_suffix_that_the_type_brings_is_not_doubled() {
        for (counter, counter_type, expected) in [
            ("a.total", CounterType::Increment, "a "),
            ("a.total", CounterType::LastValue, "a_total "),
            ("a.seconds", CounterType::Interval, "a "),
            ("a", CounterType::Timestamp, "a_timestamp "),
            ("a.timestamp", CounterType::Timestamp, "a_timestamp "),
            ("a.timestamp.seconds", CounterType::Timestamp, "a_timestamp "),
        ] {
            assert_eq!(name(counter, counter_type), expected);
        }
    }
}
