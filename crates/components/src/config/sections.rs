use pip_services_commons::config::ConfigParams;

/// The top-level sections by name, in order. A key without a section of its own is passed over.
pub(crate) fn sections(config: &ConfigParams) -> impl Iterator<Item = (&str, ConfigParams)> {
    config
        .get_section_names()
        .into_iter()
        .map(|name| (name, config.get_section(name)))
        .filter(|(_, section)| !section.is_empty())
}

/// The sections under `many`, in order, or where that is empty the one section `one`; each with its whole name.
pub(crate) fn one_or_many<T: From<ConfigParams>>(
    config: &ConfigParams,
    many: &str,
    one: &str,
) -> Vec<(String, T)> {
    let several = config.get_section(many);
    if !several.is_empty() {
        return sections(&several)
            .map(|(name, section)| (format!("{many}.{name}"), section.into()))
            .collect();
    }
    let section = config.get_section(one);
    if section.is_empty() { Vec::new() } else { vec![(one.to_owned(), section.into())] }
}
