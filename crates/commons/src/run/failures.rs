use crate::errors::ApplicationError;

/// The first error of two, with the second in its details as `also.<number>`.
pub(super) fn and(
    first: Result<(), ApplicationError>,
    second: Result<(), ApplicationError>,
) -> Result<(), ApplicationError> {
    match (first, second) {
        (Err(first), Err(second)) => {
            // A component that closes others can have such details already.
            let number = first.details().filter(|(name, _)| name.starts_with("also.")).count() + 1;
            Err(first.with_details(format!("also.{number}"), format!("{second:#}")))
        }
        (first, second) => first.and(second),
    }
}
