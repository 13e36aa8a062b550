# The user data of a machine: hardened Debian, and what its role runs. No provider is needed.
locals {
  settings = merge(
    {
      ROLE        = var.role
      DATA_DEVICE = var.data_device
      SWAP_GIB    = tostring(var.swap_gib)
      BACKUP_DAYS = tostring(var.backup_days)
    },
    var.role != "stack" ? {} : {
      STACK         = var.stack
      BUNDLE_URL    = var.bundle == null ? "" : var.bundle.url
      BUNDLE_SHA256 = var.bundle == null ? "" : var.bundle.sha256
      IMAGE_URL     = var.image == null ? "" : var.image.url
      IMAGE_SHA256  = var.image == null ? "" : var.image.sha256
    },
  )

  stack_env = merge(
    var.stack == "grafana" ? { OTLP_HOST = "otlp.${var.domain}", GRAFANA_HOST = "grafana.${var.domain}" } : { DOMAIN = var.domain },
    var.stack_settings,
  )

  ports = var.role == "agent" ? [] : var.public_tcp_ports

  packages = concat(
    ["ca-certificates", "curl", "nftables", "unattended-upgrades"],
    var.role == "stack" ? ["docker.io", "docker-cli", "docker-compose", "openssl"] : [],
    var.role == "agent" ? ["acl"] : [],
  )

  write_files = concat(
    [
      {
        path        = "/etc/ssh/sshd_config.d/10-otelcol-tenant.conf"
        permissions = "0600"
        content     = templatefile("${path.module}/files/sshd.conf.tftpl", { admin_user = var.admin_user })
      },
      {
        path        = "/etc/nftables.conf"
        permissions = "0644"
        content     = templatefile("${path.module}/files/nftables.conf.tftpl", { ports = local.ports, cidrs4 = [for cidr in var.ssh_source_cidrs : cidr if !can(regex(":", cidr))], cidrs6 = [for cidr in var.ssh_source_cidrs : cidr if can(regex(":", cidr))] })
      },
      {
        path        = "/etc/apt/apt.conf.d/52otelcol-tenant"
        permissions = "0644"
        content     = file("${path.module}/files/unattended-upgrades.conf")
      },
      {
        path        = "/etc/sysctl.d/60-otelcol-tenant.conf"
        permissions = "0644"
        content     = file("${path.module}/files/sysctl.conf")
      },
      {
        path        = "/etc/otelcol-tenant-bootstrap/settings"
        permissions = "0600"
        content     = join("", [for name, value in local.settings : "${name}=${value}\n"])
      },
      {
        path        = "/etc/otelcol-tenant-bootstrap/packages"
        permissions = "0600"
        content     = join("", [for package in var.packages : "${package.sha256} ${package.url}\n"])
      },
      {
        path        = "/usr/local/sbin/otelcol-tenant-bootstrap"
        permissions = "0755"
        content     = file("${path.module}/files/bootstrap.sh")
      },
    ],
    var.role != "stack" ? [] : [
      {
        path        = "/etc/otelcol-tenant-bootstrap/stack.env"
        permissions = "0600"
        content     = join("", [for name, value in local.stack_env : "${name}=${value}\n"])
      },
      {
        path        = "/etc/docker/daemon.json"
        permissions = "0644"
        content     = file("${path.module}/files/docker-daemon.json")
      },
      {
        path        = "/etc/systemd/system/docker.service.d/otelcol-tenant.conf"
        permissions = "0644"
        content     = file("${path.module}/files/docker-service.conf")
      },
      {
        path        = "/etc/systemd/system/otelcol-tenant-backup.service"
        permissions = "0644"
        content     = templatefile("${path.module}/files/backup.service.tftpl", { stack = var.stack, days = var.backup_days })
      },
      {
        path        = "/etc/systemd/system/otelcol-tenant-backup.timer"
        permissions = "0644"
        content     = file("${path.module}/files/backup.timer")
      },
    ],
    var.role != "agent" || var.agent_env == "" ? [] : [
      {
        path        = "/etc/otelcol-tenant-bootstrap/agent.env"
        permissions = "0600"
        content     = var.agent_env
      },
    ],
  )

  cloud_config = {
    users = [
      {
        name                = var.admin_user
        groups              = ["sudo"]
        shell               = "/bin/bash"
        sudo                = "ALL=(ALL) NOPASSWD:ALL"
        lock_passwd         = true
        ssh_authorized_keys = var.ssh_authorized_keys
      },
    ]
    disable_root               = true
    ssh_pwauth                 = false
    package_update             = true
    package_upgrade            = true
    package_reboot_if_required = false
    packages                   = local.packages
    write_files                = local.write_files
    runcmd = [
      ["systemctl", "enable", "nftables.service"],
      ["nft", "-f", "/etc/nftables.conf"],
      ["sysctl", "--system"],
      ["sshd", "-t"],
      ["systemctl", "reload-or-restart", "ssh.service"],
      ["systemctl", "enable", "--now", "unattended-upgrades.service"],
      ["/usr/local/sbin/otelcol-tenant-bootstrap"],
    ]
  }

  user_data = "#cloud-config\n${yamlencode(local.cloud_config)}"
}
