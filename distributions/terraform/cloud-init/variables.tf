variable "role" {
  description = "What the machine runs: \"stack\" (gateway, backends and ingress in containers), \"gateway\" (the gateway's package alone) or \"agent\" (the edge agent's package)."
  type        = string

  validation {
    condition     = contains(["stack", "gateway", "agent"], var.role)
    error_message = "role is \"stack\", \"gateway\" or \"agent\"."
  }
}

variable "admin_user" {
  description = "The user who may log in, with sudo. root may not log in."
  type        = string
  default     = "operator"

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,30}$", var.admin_user)) && var.admin_user != "root"
    error_message = "admin_user is a name of a Linux user other than root."
  }
}

variable "ssh_authorized_keys" {
  description = "Public SSH keys of the admin user, each a line such as \"ssh-ed25519 AAAA… name\". There is no login with a password."
  type        = list(string)

  validation {
    condition     = length(var.ssh_authorized_keys) > 0 && alltrue([for key in var.ssh_authorized_keys : can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\\.com|sk-ecdsa-sha2-nistp256@openssh\\.com) [A-Za-z0-9+/=]+( [^\\n]*)?$", key))])
    error_message = "ssh_authorized_keys needs at least one public key in OpenSSH's format."
  }
}

variable "ssh_source_cidrs" {
  description = "Networks that may connect to SSH, in CIDR notation, IPv4 or IPv6."
  type        = list(string)

  validation {
    condition     = length(var.ssh_source_cidrs) > 0 && alltrue([for cidr in var.ssh_source_cidrs : can(regex("^[0-9a-fA-F.:]+/[0-9]{1,3}$", cidr))])
    error_message = "ssh_source_cidrs needs at least one network such as \"203.0.113.7/32\"."
  }
}

variable "public_tcp_ports" {
  description = "TCP ports that are open to everybody. The firewall of the machine and that of the provider open the same ones."
  type        = list(number)
  default     = [80, 443, 4317, 4318]

  validation {
    condition     = alltrue([for port in var.public_tcp_ports : port > 0 && port < 65536 && port == floor(port) && port != 22])
    error_message = "public_tcp_ports are integers from 1 to 65535 other than 22, which ssh_source_cidrs opens."
  }
}

variable "data_device" {
  description = "Path of the block device for data below /dev/disk, such as \"/dev/disk/by-id/scsi-0HC_Volume_1\". It is formatted once, if it is empty, and mounted at /srv/data. \"\" keeps data on the root disk."
  type        = string
  default     = ""

  validation {
    condition     = var.data_device == "" || can(regex("^/dev/disk/[A-Za-z0-9_./:-]+$", var.data_device))
    error_message = "data_device is a path below /dev/disk, or \"\"."
  }
}

variable "swap_gib" {
  description = "Size of the swap file in GiB, 0 for none. It absorbs short peaks; the containers' limits are the bound."
  type        = number
  default     = 2

  validation {
    condition     = var.swap_gib >= 0 && var.swap_gib <= 64 && var.swap_gib == floor(var.swap_gib)
    error_message = "swap_gib is an integer from 0 to 64."
  }
}

variable "stack" {
  description = "The stack of role \"stack\": \"grafana\" or \"signoz-oneuptime\", a folder of distributions/stacks."
  type        = string
  default     = "grafana"

  validation {
    condition     = contains(["grafana", "signoz-oneuptime"], var.stack)
    error_message = "stack is \"grafana\" or \"signoz-oneuptime\"."
  }
}

variable "domain" {
  description = "The domain of the stack, such as \"obs.example.com\": the stack's hosts are below it, such as otlp.obs.example.com."
  type        = string
  default     = ""

  validation {
    condition     = var.domain == "" || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a name in small letters, such as \"obs.example.com\"."
  }
}

variable "stack_settings" {
  description = "Further settings of the stack's .env, by name. The stack \"grafana\" needs INGRESS_TLS, \"signoz-oneuptime\" SIGNOZ_ROOT_EMAIL. No secrets: the scripts of the stack create them on the machine."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name, value in var.stack_settings : can(regex("^[A-Z][A-Z0-9_]*$", name)) && can(regex("^[^\\n'\"$`\\\\]*$", value))])
    error_message = "stack_settings has names in capital letters, and values without quotes, dollar signs, backslashes and line breaks."
  }
}

variable "bundle" {
  description = "Role \"stack\": a gzipped tar archive with the folder distributions/stacks, which unpacks to stacks/, with its SHA-256."
  type        = object({ url = string, sha256 = string })
  default     = null

  validation {
    condition     = var.bundle == null || (can(regex("^https://[A-Za-z0-9._~:/?@!&*+,;=%-]+$", var.bundle.url)) && can(regex("^[0-9a-f]{64}$", var.bundle.sha256)))
    error_message = "bundle needs an https URL and 64 hexadecimal digits."
  }
}

variable "image" {
  description = "Role \"stack\": the docker archive of the gateway's image (make image) with its SHA-256."
  type        = object({ url = string, sha256 = string })
  default     = null

  validation {
    condition     = var.image == null || (can(regex("^https://[A-Za-z0-9._~:/?@!&*+,;=%-]+$", var.image.url)) && can(regex("^[0-9a-f]{64}$", var.image.sha256)))
    error_message = "image needs an https URL and 64 hexadecimal digits."
  }
}

variable "packages" {
  description = "Roles \"gateway\" and \"agent\": the .deb packages to install (make packages) with their SHA-256: otelcol-tenant and that of the role."
  type        = list(object({ url = string, sha256 = string }))
  default     = []

  validation {
    condition     = alltrue([for package in var.packages : can(regex("^https://[A-Za-z0-9._~:/?@!&*+,;=%-]+\\.deb$", package.url)) && can(regex("^[0-9a-f]{64}$", package.sha256))])
    error_message = "packages need https URLs of .deb files and 64 hexadecimal digits each."
  }
}

variable "agent_env" {
  description = "Role \"agent\": the file agent.env that tenantctl onboard writes. It contains a key: it is in the state and in the machine's metadata. Rotate the key after the first start, or leave this empty and run tenantctl setup over SSH."
  type        = string
  default     = ""
  sensitive   = true
}

variable "backup_days" {
  description = "Role \"stack\": how many days of nightly backups remain in /srv/data/backups. 0 makes none. Copy them to another place; see README.md."
  type        = number
  default     = 7

  validation {
    condition     = var.backup_days >= 0 && var.backup_days <= 365 && var.backup_days == floor(var.backup_days)
    error_message = "backup_days is an integer from 0 to 365."
  }
}
