/// Components that are made because another one requires them, and factories that are listed.
mod on_demand;
