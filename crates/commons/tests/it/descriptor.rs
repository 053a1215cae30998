use pip_services_commons::refer::Descriptor;
use proptest::prelude::*;

fn fields() -> impl Strategy<Value = [String; 5]> {
    // Few texts, so that fields are often equal.
    prop::array::uniform5("[ab*]".prop_map(String::from))
}

fn parse(fields: &[String; 5]) -> Descriptor {
    fields.join(":").parse().unwrap()
}

proptest! {
    #[test]
    fn matching_agrees_with_a_naive_model(one in fields(), other in fields()) {
        let expected = (0..5).all(|index| one[index] == "*" || other[index] == "*" || one[index] == other[index]);
        prop_assert_eq!(parse(&one).matches(&parse(&other)), expected);
        prop_assert_eq!(parse(&other).matches(&parse(&one)), expected);
        prop_assert_eq!(parse(&one) == parse(&other), one == other);
    }

    #[test]
    fn any_text_is_refused_or_prints_as_it_was_read(text in "[a*: .]{0,12}|\\PC{0,20}") {
        if let Ok(descriptor) = text.parse::<Descriptor>() {
            prop_assert_eq!(descriptor.to_string().parse::<Descriptor>().unwrap(), descriptor.clone());
            let trimmed: Vec<&str> = text.split(':').map(str::trim).collect();
            prop_assert_eq!(descriptor.to_string(), trimmed.join(":"));
        }
    }
}
