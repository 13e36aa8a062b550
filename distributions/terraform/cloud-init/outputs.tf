output "user_data" {
  description = "The user data for cloud-init."
  value       = local.user_data
  sensitive   = true

  precondition {
    condition     = length(local.user_data) <= 32768
    error_message = "The user data exceeds 32 KiB, the limit of Hetzner Cloud. Shorten agent_env or stack_settings."
  }
  precondition {
    condition     = var.role != "stack" || (var.bundle != null && var.image != null && var.domain != "")
    error_message = "role \"stack\" needs bundle, image and domain."
  }
  precondition {
    condition     = var.role == "stack" || length(var.packages) > 0
    error_message = "roles \"gateway\" and \"agent\" need packages."
  }
}

output "public_tcp_ports" {
  description = "The ports that the provider's firewall opens to everybody."
  value       = local.ports
}
