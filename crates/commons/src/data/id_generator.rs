use uuid::Uuid;

/// Makes random identifiers; ports `IdGenerator`.
///
/// ```
/// use pip_services_commons::data::IdGenerator;
///
/// assert_eq!(IdGenerator::next_short().len(), 9);
/// assert_eq!(IdGenerator::next_long().len(), 32);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct IdGenerator;

impl IdGenerator {
    /// Nine decimal digits, the first of them not zero: readable, but not unique across a large system.
    pub fn next_short() -> String {
        // The low 64 bits of a version 4 UUID are random but for the two bits of its variant, which the
        // lower 32 bits leave out.
        let random = Uuid::new_v4().as_u128() as u32;
        (100_000_000 + random % 900_000_000).to_string()
    }

    /// A version 4 UUID as 32 lower-case hexadecimal digits without dashes.
    pub fn next_long() -> String {
        Uuid::new_v4().simple().encode_lower(&mut Uuid::encode_buffer()).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn short_ids_are_nine_digits_and_differ() {
        let ids: HashSet<_> = (0..1000).map(|_| IdGenerator::next_short()).collect();
        assert!(ids.len() > 990, "{} of 1000 differ", ids.len());
        for id in ids {
            assert!(id.len() == 9 && !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn long_ids_are_lower_case_hex_without_dashes_and_differ() {
        let (one, other) = (IdGenerator::next_long(), IdGenerator::next_long());
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{one}");
    }
}
