# The server on Cloud Run, as scripts/deploy_cloudrun.sh makes it. README.md beside this file has the steps.

locals {
  settings = merge({
    # eject: grpc
    # Cloud Run gives one port, so REST and gRPC share it.
    SINGLE_PORT = "true"
    # eject: end
  }, var.settings)
  # A probe over HTTP has a Host that would not be in this list.
  probe_http = !contains(keys(var.settings), "TRUSTED_HOSTS")
}

resource "google_project_service" "this" {
  for_each = toset(["run.googleapis.com", "secretmanager.googleapis.com"])

  service            = each.key
  disable_on_destroy = false
}

resource "google_service_account" "this" {
  # An id has 6 to 30 characters.
  account_id   = "run-${trimsuffix(substr(var.name, 0, 26), "-")}"
  display_name = "${var.name} on Cloud Run"
}

resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  secret_id = "${var.name}-${lower(replace(each.key, "_", "-"))}"
  replication {
    auto {}
  }
  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = google_secret_manager_secret.this

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}

resource "google_cloud_run_v2_service" "this" {
  name                = var.name
  location            = var.region
  deletion_protection = false

  template {
    service_account = google_service_account.this.email
    timeout         = "300s"

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      ports {
        container_port = 8080
        # eject: grpc
        # HTTP/2 without TLS, which streams of gRPC in both directions need. The server answers HTTP/1.1 there, too.
        name = "h2c"
        # eject: end
      }

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
      }

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.this[env.key].secret_id
              version = env.value
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 30

        dynamic "http_get" {
          for_each = local.probe_http ? [1] : []
          content {
            path = "/health"
            port = 8080
          }
        }
        dynamic "tcp_socket" {
          for_each = local.probe_http ? [] : [1]
          content {
            port = 8080
          }
        }
      }

      dynamic "liveness_probe" {
        for_each = local.probe_http ? [1] : []
        content {
          period_seconds = 10
          http_get {
            path = "/health"
            port = 8080
          }
        }
      }
    }
  }

  depends_on = [google_project_service.this, google_secret_manager_secret_iam_member.this]
}

resource "google_cloud_run_v2_service_iam_member" "public" {
  count = var.public ? 1 : 0

  name     = google_cloud_run_v2_service.this.name
  location = google_cloud_run_v2_service.this.location
  role     = "roles/run.invoker"
  member   = "allUsers"
}
