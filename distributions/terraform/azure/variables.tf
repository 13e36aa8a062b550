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
  description = "Azure region, such as \"germanywestcentral\"."
  type        = string
  default     = "germanywestcentral"
}

variable "zone" {
  description = "Availability zone of the machine, its address and its disk."
  type        = string
  default     = "1"

  validation {
    condition     = contains(["1", "2", "3"], var.zone)
    error_message = "zone is \"1\", \"2\" or \"3\"."
  }
}

variable "size" {
  description = "Size of the virtual machine. README.md says how much memory each stack needs."
  type        = string
  default     = "Standard_D4s_v5"
}

variable "source_image" {
  description = "Image of the operating system. Debian 13 has a docker-compose that reads the stacks; Debian 12 does not."
  type        = object({ publisher = string, offer = string, sku = string, version = string })
  default     = { publisher = "Debian", offer = "debian-13", sku = "13-gen2", version = "latest" }
}

variable "data_disk_gb" {
  description = "Size of the data disk in GB, at least 10. It can grow later: change it, apply, then run resize2fs on the machine."
  type        = number
  default     = 256

  validation {
    condition     = var.data_disk_gb >= 10 && var.data_disk_gb <= 32767 && var.data_disk_gb == floor(var.data_disk_gb)
    error_message = "data_disk_gb is an integer from 10 to 32767."
  }
}

variable "data_disk_type" {
  description = "Storage of the data disk."
  type        = string
  default     = "Premium_LRS"

  validation {
    condition     = contains(["StandardSSD_LRS", "Premium_LRS", "PremiumV2_LRS"], var.data_disk_type)
    error_message = "data_disk_type is \"StandardSSD_LRS\", \"Premium_LRS\" or \"PremiumV2_LRS\"."
  }
}

variable "protected" {
  description = "Whether a lock protects the data disk from deletion. Set it to false and apply before you destroy it."
  type        = bool
  default     = true
}

variable "dns_zone" {
  description = "Name of an Azure DNS zone in which records for the domain are created, such as \"example.com\". \"\" creates none."
  type        = string
  default     = ""
}

variable "dns_zone_resource_group" {
  description = "Resource group of that zone."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of everything that is created."
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
