use indexmap::IndexMap;

use crate::{client::ClientError, options::QoS};

/// How many filters are remembered. The one that was told of first gives way.
const MOST: usize = 10_000;

/// What was told of filters that the broker does not grant as they are wanted. It is asked for them again and again, and what
/// it says to that is news only where it has said something else in between.
#[derive(Default)]
pub(super) struct Shortfalls(IndexMap<String, Shortfall>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortfall {
    Refused,
    /// Granted with less than was wanted.
    Less(QoS),
}

impl Shortfall {
    /// What the broker's answer falls short by of what is wanted.
    pub(super) fn of(granted: &Result<QoS, ClientError>, wanted: QoS) -> Option<Self> {
        match granted {
            Err(_) => Some(Self::Refused),
            Ok(granted) => (*granted < wanted).then_some(Self::Less(*granted)),
        }
    }
}

impl Shortfalls {
    /// Notes what the broker said to a filter. True: it is to be told.
    pub(super) fn is_news(&mut self, filter: &str, shortfall: Option<Shortfall>) -> bool {
        let Some(shortfall) = shortfall else {
            self.0.shift_remove(filter);
            return false;
        };
        let is_news = self.0.insert(filter.to_owned(), shortfall) != Some(shortfall);
        if self.0.len() > MOST {
            self.0.shift_remove_index(0);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Option<Shortfall> = Some(Shortfall::Refused);
    const LESS: Option<Shortfall> = Some(Shortfall::Less(QoS::AtMostOnce));

    #[test]
    fn what_a_broker_says_to_a_filter_is_news_where_it_is_not_what_it_said_before() {
        let mut shortfalls = Shortfalls::default();
        let said = [
            (REFUSED, true),
            (REFUSED, false),
            (LESS, true),
            (LESS, false),
            (Some(Shortfall::Less(QoS::AtLeastOnce)), true),
            (REFUSED, true),
            (None, false),
            (REFUSED, true),
        ];
        for (number, (shortfall, is_news)) in said.into_iter().enumerate() {
            assert_eq!(shortfalls.is_news("a", shortfall), is_news, "{number}");
        }
        assert!(shortfalls.is_news("b", REFUSED));
        assert!(!shortfalls.is_news("a", REFUSED));
    }

    #[test]
    fn an_answer_falls_short_where_it_is_less_than_what_is_wanted() {
        let of = |granted| Shortfall::of(&Ok(granted), QoS::AtLeastOnce);
        assert_eq!([of(QoS::AtMostOnce), of(QoS::AtLeastOnce), of(QoS::ExactlyOnce)], [LESS, None, None]);
        assert_eq!(Shortfall::of(&Err(ClientError::Failed("no".into())), QoS::AtMostOnce), REFUSED);
    }

    #[test]
    fn no_number_of_filters_takes_more_than_its_memory() {
        let mut shortfalls = Shortfalls::default();
        for number in 0..MOST + 10 {
            assert!(shortfalls.is_news(&number.to_string(), REFUSED));
        }
        assert_eq!(shortfalls.0.len(), MOST);
        assert!(!shortfalls.is_news(&(MOST + 9).to_string(), REFUSED));
    }
}
