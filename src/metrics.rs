//! Metrics for Prometheus, on a listener of their own that only this machine reaches.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::task::JoinSet;

/// Serves `GET /metrics` on loopback until what it returns is dropped; without a port, nothing is measured.
pub fn serve(port: Option<u16>) -> anyhow::Result<JoinSet<()>> {
    let mut serving = JoinSet::new();
    let Some(port) = port else { return Ok(serving) };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (recorder, exporter) = PrometheusBuilder::new()
        .with_http_listener(address)
        .build()
        .with_context(|| format!("METRICS_PORT: cannot listen on {address}"))?;
    ::metrics::set_global_recorder(recorder).context("metrics are recorded already")?;
    serving.spawn(async move {
        if exporter.await.is_err() {
            tracing::error!("the metrics listener ended");
        }
    });
    tracing::info!(%address, "serving metrics on http://{address}/metrics");
    Ok(serving)
}
