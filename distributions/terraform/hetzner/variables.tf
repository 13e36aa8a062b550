variable "name" {
  description = "Name of the server and prefix of everything that belongs to it."
  type        = string
  default     = "observability"

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$", var.name))
    error_message = "name is a host name of small letters, digits and hyphens."
  }
}

variable "location" {
  description = "Location of the server and its volume, such as \"fsn1\", \"nbg1\" or \"hel1\"."
  type        = string
  default     = "fsn1"
}

variable "server_type" {
  description = "Type of the server. README.md says how much memory each stack needs."
  type        = string
  default     = "cpx41"
}

variable "image" {
  description = "Image of the operating system. Debian 13 has a docker-compose that reads the stacks; Debian 12 does not."
  type        = string
  default     = "debian-13"
}

variable "volume_gb" {
  description = "Size of the data volume in GB, at least 10. It can grow later: change it, apply, then run resize2fs on the server."
  type        = number
  default     = 200

  validation {
    condition     = var.volume_gb >= 10 && var.volume_gb <= 10240 && var.volume_gb == floor(var.volume_gb)
    error_message = "volume_gb is an integer from 10 to 10240."
  }
}

variable "protected" {
  description = "Whether the server, its addresses and its volume are protected from deletion. Set it to false and apply before you destroy them."
  type        = bool
  default     = true
}

variable "server_backups" {
  description = "Whether the provider backs up the root disk. It never includes the volume: README.md describes backups of the data."
  type        = bool
  default     = true
}

variable "dns_zone" {
  description = "Name of the zone at the provider in which DNS records for the domain are created, such as \"example.com\". \"\" creates none."
  type        = string
  default     = ""
}

variable "labels" {
  description = "Labels of everything that is created."
  type        = map(string)
  default     = { managed-by = "opentofu" }
}

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

variable "role" {
  description = "What the server runs: \"stack\", \"gateway\" or \"agent\"; see the module cloud-init."
  type        = string
  default     = "stack"
}

variable "stack" {
  description = "The stack: \"grafana\" or \"signoz-oneuptime\"."
  type        = string
  default     = "grafana"
}

variable "domain" {
  description = "The domain of the stack, such as \"obs.example.com\"."
  type        = string
}

variable "stack_settings" {
  description = "Further settings of the stack's .env."
  type        = map(string)
  default     = {}
}

variable "bundle" {
  description = "The archive of the stacks with its SHA-256."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "gateway_image" {
  description = "The docker archive of the gateway's image with its SHA-256."
  type        = object({ url = string, sha256 = string })
  default     = null
}

variable "packages" {
  description = "The packages of the roles \"gateway\" and \"agent\" with their SHA-256."
  type        = list(object({ url = string, sha256 = string }))
  default     = []
}
