output "user_data" {
  description = "The user data for cloud-init. It contains agent_env."
  value       = module.cloud_init.user_data
  sensitive   = true
}
