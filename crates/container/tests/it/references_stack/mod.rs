/// What is listed in a configuration: the order of making, all or nothing.
mod from_config;
/// Opening, closing, and what happens to a component that is put or taken out, by each state.
mod managed;
/// Components that are made because another one requires them, and factories that are listed.
mod on_demand;
