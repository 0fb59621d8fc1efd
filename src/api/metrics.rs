//! `/metrics`: what the latest pass shows and what the engine counts, as OpenMetrics text.
//!
//! Labels have few values: names that are in the source, sources and clusters of the configuration and
//! of documents. Only `jetkeeper_job_…` has a series for each job.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::measure::{Measure, measures};
use crate::engine::Handle;

/// What is answered, by its content type.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is shown of an engine.
pub(super) fn registry(handle: &Handle) -> Registry {
    let mut registry = Registry::default();
    handle.meters.register(&mut registry);
    registry.register_collector(Box::new(Latest(handle.clone())));
    registry
}

/// Shows the latest pass.
struct Latest(Handle);

impl fmt::Debug for Latest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latest")
    }
}

impl Collector for Latest {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let published = self.0.published.borrow().clone();
        let age = self.0.pulse.age();
        for measure in measures(&published, age) {
            encode(&mut encoder, &measure)?;
        }
        Ok(())
    }
}

fn encode(encoder: &mut DescriptorEncoder, measure: &Measure) -> fmt::Result {
    let unit = measure.seconds.then_some(&Unit::Seconds);
    let (name, help) = (measure.name, measure.help);
    let mut family = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (labels, value) in &measure.values {
        let labels = Labels(labels);
        let series = family.encode_family(&labels)?;
        ConstGauge::new(*value).encode(series)?;
    }
    Ok(())
}

/// Labels of which the number isn't known when this is compiled.
struct Labels<'a>(&'a [(&'static str, String)]);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelSetEncoder) -> fmt::Result {
        self.0.encode(encoder)
    }
}
