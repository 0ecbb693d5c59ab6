//! Metrics: for Prometheus on a listener of their own that only this machine reaches, and for the collector of the traces.
//!
//! `flow-metrics` has the list of them.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use metrics::Recorder;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use metrics_util::layers::FanoutBuilder;
use tokio::task::JoinSet;

use crate::settings::Settings;
use crate::traces; // eject: telemetry

/// Keeps the metrics served and sent.
#[must_use = "dropping it ends them"]
#[derive(Debug)]
pub struct Guard {
    _serving: JoinSet<()>,
    _sending: Option<traces::MetricsGuard>, // eject: telemetry
}

/// Measures for those who read the metrics: serves `GET /metrics` on loopback, and sends them, until what it returns is
/// dropped. Without a reader, nothing is measured.
pub fn start(settings: &Settings) -> anyhow::Result<Guard> {
    let (mut recorders, mut serving) = (Vec::<Box<dyn Recorder + Send + Sync>>::new(), JoinSet::new());
    if let Some(port) = settings.metrics_port {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut builder = PrometheusBuilder::new().with_http_listener(address).with_recommended_naming(true);
        for metric in flow_metrics::ALL {
            if let Some(limits) = metric.limits() {
                builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), limits)?;
            }
        }
        let (recorder, exporter) =
            builder.build().with_context(|| format!("METRICS_PORT: cannot listen on {address}"))?;
        recorders.push(Box::new(recorder));
        serving.spawn(async move {
            if exporter.await.is_err() {
                tracing::error!("the metrics listener ended");
            }
        });
        tracing::info!(%address, "serving metrics on http://{address}/metrics");
    }
    // eject: telemetry
    let mut sending = None;
    if let Some((guard, recorder)) = traces::metrics(&settings.telemetry)? {
        recorders.push(Box::new(recorder));
        sending = Some(guard);
    }
    // eject: end
    if let Some(first) = recorders.pop() {
        // One alone is asked directly, since two take a lookup more for each number.
        let set = match recorders.pop() {
            None => metrics::set_global_recorder(first).map_err(drop),
            Some(second) => {
                let both = FanoutBuilder::default().add_recorder(first).add_recorder(second);
                metrics::set_global_recorder(both.build()).map_err(drop)
            }
        };
        set.map_err(|()| anyhow::anyhow!("metrics are recorded already"))?;
        flow_metrics::describe();
    }
    Ok(Guard {
        _serving: serving,
        _sending: sending, // eject: telemetry
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_metric_is_in_the_documentation() {
        let page = include_str!("../docs/metrics.md");
        for metric in flow_metrics::ALL {
            let name = format!("| `{}` |", metric.prometheus_name());
            assert!(page.contains(&name), "{name}");
        }
    }

    #[test]
    fn the_dashboard_shows_every_metric() {
        let dashboard = include_str!("../deploy/grafana/flows.json");
        for metric in flow_metrics::ALL {
            assert!(dashboard.contains(&metric.prometheus_name()), "{}", metric.name);
        }
    }
}
