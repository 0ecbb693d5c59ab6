output "url" {
  description = "Address of the service, for scripts/check_deployment.sh."
  value       = google_cloud_run_v2_service.this.uri
}

output "service_account" {
  description = "Account of the service. A vertexai model needs roles/aiplatform.user for it."
  value       = google_service_account.this.email
}
