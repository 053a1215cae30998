/// Makes two tests of each function: with the embedded broker, and with Mosquitto.
///
/// ```
/// use pip_services_test_broker::TestBroker;
///
/// pip_services_tests::on_each_broker!(a_broker_runs);
///
/// fn a_broker_runs(broker: TestBroker) {
///     assert!(broker.is_running());
/// }
/// ```
#[macro_export]
macro_rules! on_each_broker {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::test_broker::{Engine, TestBroker};

            #[test]
            fn embedded() {
                super::$name(TestBroker::start(Engine::Embedded).unwrap());
            }

            #[test]
            fn mosquitto() {
                super::$name(TestBroker::start(Engine::Mosquitto).unwrap());
            }
        }
    )+};
}
