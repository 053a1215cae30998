use std::time::Instant;

use super::{Case, Lane, measurements::start};
use crate::{
    context::Context,
    figures::Metric,
    job::{Job, Link},
};

const STARTED: Metric = Metric::of("time", "ms");

/// Starts that one measurement takes the middle of.
const STARTS: usize = 10;

pub(super) fn question(context: &Context) -> Vec<Case<'_>> {
    let lanes = context.everybody().into_iter().map(|who| {
        Lane::new(who.name(), move || {
            let mut milliseconds = Vec::new();
            for _ in 0..STARTS {
                let link = Link { envelope: who.needs_envelope(), ..context.link() };
                let begin = Instant::now();
                start(who, &link, Job::Start)?.wait_for("got")?;
                milliseconds.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            Ok(vec![(STARTED, crate::statistics::percentile(&milliseconds, 0.5))])
        })
    });
    vec![Case { name: "start to first message".into(), lanes: lanes.collect() }]
}
