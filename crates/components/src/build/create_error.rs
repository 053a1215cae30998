use pip_services_commons::{errors::ApplicationError, refer::Descriptor};

/// The code of every error about making a component; ports `CreateException`.
const CANNOT_CREATE: &str = "CANNOT_CREATE";

/// Whether the request names nothing that could tell one type of component from another.
pub(super) fn is_vague(locator: &Descriptor) -> bool {
    locator.group().is_none() && locator.component_type().is_none()
}

/// No factory makes what was asked for.
pub(super) fn not_registered(locator: &Descriptor) -> ApplicationError {
    let message = if is_vague(locator) {
        format!("cannot create {locator}: its group or its type must be given")
    } else {
        format!("cannot create {locator}: no factory makes it")
    };
    ApplicationError::internal(None, CANNOT_CREATE, message).with_details("locator", locator)
}

/// Making the component failed.
pub(super) fn failed(locator: &Descriptor, cause: ApplicationError) -> ApplicationError {
    if cause.code() == CANNOT_CREATE {
        return cause;
    }
    let message = format!("cannot create {locator}");
    ApplicationError::new(cause.category().clone(), cause.correlation_id(), CANNOT_CREATE, message)
        .with_status(cause.status())
        .with_details("locator", locator)
        .with_cause(cause)
}
