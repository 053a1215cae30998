pub(crate) fn write(
    _: &crate::context::Context,
    measured: &crate::figures::Measured,
) -> crate::outcome::Outcome<()> {
    println!("{:#?}", measured.failures);
    Ok(())
}
