variable "admin_user" {
  description = "The user who may log in, with sudo."
  type        = string
  default     = "operator"
}

variable "ssh_authorized_keys" {
  description = "Public SSH keys of the admin user."
  type        = list(string)
}

variable "ssh_source_cidrs" {
  description = "Networks that may connect to SSH, in CIDR notation."
  type        = list(string)
}

variable "packages" {
  description = "The packages otelcol-tenant and otelcol-tenant-agent with their SHA-256."
  type        = list(object({ url = string, sha256 = string }))
}

variable "agent_env" {
  description = "The file agent.env that tenantctl onboard writes, or \"\" to run tenantctl setup later over SSH."
  type        = string
  default     = ""
  sensitive   = true
}
